/**
 * The servers of the http bench: how each is built and started. All listen on 127.0.0.1 and answer the same
 * bytes.
 */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Unavailable } from './bench.js';
import { benchDirectory, buildC, buildGo, cacheDirectory, installNpm } from './cache.js';
import { installed, openFilesLimit } from './process.js';

/**
 * Builds what is missing and returns the command for a port; throws {@link Unavailable} where it cannot run.
 */
export type HttpSubject = () => Promise<(port: number) => string[]>;

export const HTTP_BODY = 'Hello, World!\n';

const file = (...names: string[]): string => join(benchDirectory, ...names);

/** A plain Node process: none of the loaders of this program are passed on. */
const node = (script: string, ...args: string[]) => {
  return (port: number): string[] => [process.execPath, script, String(port), ...args];
};

const UWS = { name: '@trufflesuite/uws-js-unofficial', version: '20.30.0-unofficial.0' };
const BUN = { name: '@oven/bun-linux-x64', version: '1.4.5' };
const DENO = { name: '@deno/linux-x64-glibc', version: '2.9.6' };
/** Node ABI versions that this release has binaries for: 16, 18 and 20. */
const UWS_ABIS = ['93', '108', '115'];

/** The path of uWebSockets.js's addon. */
export async function uwsBinary(): Promise<string> {
  const abi = process.versions.modules;
  if (!UWS_ABIS.includes(abi)) {
    throw new Unavailable(`has no binary for Node ${process.version}; run this on Node 20`);
  }
  const directory = await installNpm(UWS.name, UWS.version);
  const binary = join(directory, 'binaries', `uws_${process.platform}_${process.arch}_${abi}.node`);
  if (!existsSync(binary)) throw new Unavailable(`has no binary for ${process.platform} ${process.arch}`);
  return binary;
}

/** The path of Bun. */
export async function bunProgram(): Promise<string> {
  return join(await installNpm(BUN.name, BUN.version), 'bin', 'bun');
}

/** Bun's and Deno's own servers, which run one program. */
const bun = async (...args: string[]) => {
  const program = await bunProgram();
  return (port: number): string[] => [program, file('peers', 'fetch-http.mjs'), String(port), ...args];
};
const deno = async (...args: string[]) => {
  const program = join(await installNpm(DENO.name, DENO.version), 'deno');
  const command = [program, 'run', '--quiet', '--allow-net', '--allow-read', file('peers', 'fetch-http.mjs')];
  return (port: number): string[] => [...command, String(port), ...args];
};

/**
 * `location` is what its one server does; `secure` are directives of TLS, `more` some beside the server. `http2` as versions before 1.25.1
 * have it, too.
 */
async function nginx(location: string, secure = '', http2 = false, more = ''): Promise<(port: number) => string[]> {
  const program = installed('nginx');
  if (!program) throw new Unavailable('needs nginx (apt-get install nginx-light)');
  return (port) => {
    const directory = cacheDirectory('nginx');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `  ${name}_temp_path ${directory}/${name};`)
      .join('\n');
    const config = `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr error;
worker_rlimit_nofile ${openFilesLimit()};
events { worker_connections ${openFilesLimit()}; }
http {
  access_log off;
  default_type text/plain;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
${temporary}
  ${more}
  server {
    listen 127.0.0.1:${port} backlog=4096${secure && ' ssl'}${http2 ? ' http2' : ''};
    ${secure}
    location / { ${location} }
  }
}
`;
    const path = join(directory, 'nginx.conf');
    writeFileSync(path, config);
    return [program, '-e', 'stderr', '-p', directory, '-c', path];
  };
}

async function native(program: Promise<string>): Promise<(port: number) => string[]> {
  const path = await program;
  return (port) => [path, String(port)];
}

/** In the order in which they are reported. */
export const HTTP_SUBJECTS: Readonly<Record<string, HttpSubject>> = {
  knot: async () => node(file('subjects', 'knot.mjs')),
  'raw-epoll': () => native(buildC('raw-epoll')),
  uWebSockets: async () => node(file('peers', 'uws.mjs'), await uwsBinary()),
  'node-net': async () => node(file('peers', 'node-net.mjs')),
  nginx: () => nginx(`return 200 "${JSON.stringify(HTTP_BODY).slice(1, -1)}";`),
  go: () => native(buildGo('go-http')),
  bun: () => bun(),
  deno: () => deno(),
  'node-http': async () => node(file('peers', 'node-http.mjs')),
};

/** The servers of the clients bench, for a directory of files. */
export const CLIENTS_SUBJECTS: Readonly<Record<string, (directory: string) => ReturnType<HttpSubject>>> = {
  'knot-c': async (directory) => node(file('subjects', 'knot-files.mjs'), directory, 'connections'),
  'knot-a': async (directory) => node(file('subjects', 'knot-files.mjs'), directory, 'accept'),
  'raw-files': async (directory) => {
    const program = await buildC('raw-files');
    return (port) => [program, String(port), directory];
  },
  uWebSockets: async (directory) => node(file('peers', 'uws-files.mjs'), await uwsBinary(), directory),
  nginx: (directory) => nginx(`root ${directory}; open_file_cache max=1000 inactive=60s;`),
  go: async (directory) => {
    const program = await buildGo('go-files');
    return (port) => [program, String(port), directory];
  },
  bun: (directory) => bun(directory),
  deno: (directory) => deno(directory),
  'node-http': async (directory) => node(file('peers', 'node-http-files.mjs'), directory),
};

/** The servers that send the body of a POST back. */
export const ECHO_SUBJECTS: Readonly<Record<string, HttpSubject>> = {
  knot: async () => node(file('subjects', 'knot-echo.mjs')),
  uWebSockets: async () => node(file('peers', 'uws-echo.mjs'), await uwsBinary()),
  go: () => native(buildGo('go-echo')),
  'node-http': async () => node(file('peers', 'node-http-echo.mjs')),
};

/** The servers that make JSON of 20 KiB and compress it, at one level. */
export const GZIP_SUBJECTS: Readonly<Record<string, HttpSubject>> = {
  knot: async () => node(file('subjects', 'knot-gzip.mjs')),
  'node-http': async () => node(file('peers', 'node-http-gzip.mjs')),
};

/** The servers of the tls bench, with the paths of a key and of a certificate. */
export const TLS_SUBJECTS: Readonly<Record<string, (key: string, cert: string) => ReturnType<HttpSubject>>> = {
  knot: async (key, cert) => node(file('subjects', 'knot-tls.mjs'), key, cert),
  nginx: (key, cert) =>
    nginx(`return 200 "${JSON.stringify(HTTP_BODY).slice(1, -1)}";`, `ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_protocols TLSv1.3; ssl_session_tickets off;`),
  go: async (key, cert) => {
    const program = await buildGo('go-http');
    return (port) => [program, String(port), key, cert];
  },
  bun: async (key, cert) => {
    const program = await bunProgram();
    return (port) => [program, file('peers', 'bun-https.mjs'), String(port), key, cert];
  },
  'node-https': async (key, cert) => node(file('peers', 'node-https.mjs'), key, cert),
};

/** The servers of the http2 bench, with the paths of a key and of a certificate where they speak TLS. */
export const HTTP2_SUBJECTS: Readonly<Record<string, (credentials?: readonly [key: string, cert: string]) => ReturnType<HttpSubject>>> = {
  knot: async (credentials = ['', '']) => node(file('subjects', 'knot-http2.mjs'), ...credentials),
  nginx: (credentials) => {
    const secure = credentials && `ssl_certificate ${credentials[1]}; ssl_certificate_key ${credentials[0]}; ssl_protocols TLSv1.3;`;
    return nginx(`return 200 "${JSON.stringify(HTTP_BODY).slice(1, -1)}";`, secure ?? '', true);
  },
  go: async (credentials) => {
    if (!credentials) throw new Unavailable('speaks HTTP/2 over TLS only');
    const program = await buildGo('go-http');
    return (port) => [program, String(port), ...credentials, 'h2'];
  },
  'node-http2': async (credentials = ['', '']) => node(file('peers', 'node-http2.mjs'), ...credentials),
};

/** HAProxy with one thread, in front of the server on `upstream`. */
async function haproxy(upstream: number): Promise<(port: number) => string[]> {
  const program = installed('haproxy');
  if (!program) throw new Unavailable('needs haproxy (apt-get install haproxy)');
  return (port) => {
    const path = join(cacheDirectory('haproxy'), 'haproxy.cfg');
    writeFileSync(path, `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen all
  bind 127.0.0.1:${port}
  server one 127.0.0.1:${upstream}
`);
    return [program, '-db', '-f', path];
  };
}

/** The proxies, for the port of the server behind them. */
export const PROXY_SUBJECTS: Readonly<Record<string, (upstream: number) => ReturnType<HttpSubject>>> = {
  knot: async (upstream) => node(file('subjects', 'proxy.mjs'), String(upstream)),
  nginx: (upstream) =>
    nginx(
      'proxy_pass http://all; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; '
        + 'proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;',
      '',
      false,
      `upstream all { server 127.0.0.1:${upstream}; keepalive 128; keepalive_requests 1000000000; }`,
    ),
  haproxy,
};

/** What connections of the idle bench speak: `http2` with prior knowledge, `websocket` without TLS. */
export const IDLE_KINDS = ['plain', 'tls', 'http2', 'websocket'] as const;
export type IdleKind = (typeof IDLE_KINDS)[number];

const collecting = (script: string, ...args: string[]) => (port: number): string[] =>
  [process.execPath, '--import', file('support', 'collecting.mjs'), script, String(port), ...args];

type IdleSubject = (kind: IdleKind, credentials: readonly [key: string, cert: string]) => ReturnType<HttpSubject>;

/** The servers of the idle bench. SIGUSR2 has those in JavaScript collect garbage. */
export const IDLE_SUBJECTS: Readonly<Record<string, IdleSubject>> = {
  knot: async (kind, credentials) => collecting(file('subjects', 'knot-idle.mjs'), kind, ...credentials),
  uWebSockets: async (kind, credentials) => {
    if (kind === 'http2') throw new Unavailable('speaks no HTTP/2');
    return collecting(file('peers', 'uws-idle.mjs'), kind, await uwsBinary(), ...credentials);
  },
  nginx: async (kind, [key, cert]) => {
    if (kind === 'websocket') throw new Unavailable('serves no WebSockets');
    const secure = `ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_protocols TLSv1.3; ssl_session_tickets off;`;
    const body = JSON.stringify(HTTP_BODY).slice(1, -1);
    return nginx(`return 200 "${body}";`, kind === 'tls' ? secure : '', kind === 'http2', 'keepalive_timeout 3600;');
  },
  node: async (kind, credentials) =>
    // `ws` takes what it does, not what it speaks.
    kind === 'websocket'
      ? collecting(file('peers', 'websocket-ws.mjs'), 'echo')
      : collecting(file('peers', 'node-idle.mjs'), kind, ...credentials),
};
