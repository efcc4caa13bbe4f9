/** The options of the commands that serve. */
import { choice, flag, path, place, port, several, text, whole } from './options.js';

const MOST_MS = 1e9;

const COMMON = {
  port: { ...port('the port; 0: a free one (default 8080)'), short: 'p', default: 8080 },
  host: { ...text('H', 'the address (default 127.0.0.1)'), default: '127.0.0.1' },
  cert: path('FILE', 'over HTTPS, with the certificate in FILE (PEM) and its --key'),
  key: path('FILE', 'the key of --cert (PEM)'),
  proxyProtocol: {
    ...flag("take clients' addresses from the PROXY protocol, with which HAProxy and others begin a connection; refuse those without"),
    default: false,
  },
  config: {
    ...path('FILE', 'options from FILE, JSON with comments; those of the command line win, and --no-NAME takes back a flag'),
    commandOnly: true,
  },
} as const;

export const SERVE = {
  directory: { ...path('DIR', 'the folder to serve'), positional: true },
  ...COMMON,
  workers: whole('N', 1, 1024, 'in N processes on one port; SIGHUP replaces them without a refused connection'),
  policy: choice(['accept', 'connections'], 'which connections come first under load: new ones, or open ones'),
  shed: whole('MS', 1, 60_000, 'while there is a queue, refuse (503) requests that have waited longer'),
  connections: whole('N', 1, 1e9, 'at most N connections for each process; others wait to be accepted'),
  http2: { ...flag('over HTTP/2, too, where clients want it'), default: false },
  compress: { ...flag('compress files for clients that accept it'), default: false },
  precompressed: { ...flag('send FILE.br, FILE.zst or FILE.gz for FILE'), default: false },
  spa: { ...flag("send index.html for paths of the page's own"), default: false },
  listing: { ...flag('show the files of a folder without an index'), default: false },
  log: path('FILE', 'a line for each request, to FILE or to - (standard output); SIGHUP opens FILE anew'),
  logFormat: choice(['json', 'common', 'combined'], 'of --log (default json)'),
  inspect: port('serve the inspector on port N, and under the process id; of all workers'),
  metrics: place('figures for Prometheus at /metrics on port N of address H (default 127.0.0.1); of all workers'),
  worker: { ...flag('this process is a worker of another'), default: false, commandOnly: true, hidden: true },
} as const;

export const PROXY = {
  upstreams: { ...several('UPSTREAM...', 'URLs of servers'), positional: true },
  ...COMMON,
  balance: {
    ...text('HOW', 'which of them gets a request: least, the one with the fewest; turn; or by a hash: address, header:NAME, cookie:NAME', {
      pattern: /^(?:least|turn|address|(?:header|cookie):[\w-]+)$/,
      must: 'least, turn, address, header:NAME or cookie:NAME',
    }),
    default: 'least',
  },
  health: text('PATH', 'ask each for PATH every 5 seconds, and leave out those that do not answer well'),
  upstreamHost: { ...flag("tell them their own name as Host, not the client's"), default: false },
  trust: { ...flag('pass on what clients say in X-Forwarded-For and its kin'), default: false },
  timeout: whole('MS', 1, MOST_MS, 'for the head of an answer, and from one piece of its body to the next (default 60000)'),
} as const;
