import type { ProxyOptions, Server } from '../http.js';
import { argumentsOf } from './arguments.js';
import { CliError, UsageError } from './errors.js';
import { credentials, endServer, explain, portOf, untilToldToEnd, urlOf, wholeNumber } from './serve.js';
import { showStatistics } from './statistics.js';

interface ProxyArguments {
  upstreams: string[];
  port: number;
  host: string;
  options: ProxyOptions;
  /** Paths of PEM files; undefined: HTTP. */
  tls: { cert: string; key: string } | undefined;
}

const MOST_MS = 1e9;

function read(args: string[]): ProxyArguments {
  const { values, positionals } = argumentsOf({
    args,
    allowPositionals: true,
    options: {
      'port': { type: 'string', short: 'p', default: '8080' },
      'host': { type: 'string', default: '127.0.0.1' },
      'balance': { type: 'string', default: 'least' },
      'health': { type: 'string' },
      'upstream-host': { type: 'boolean', default: false },
      'trust': { type: 'boolean', default: false },
      'timeout': { type: 'string' },
      'cert': { type: 'string' },
      'key': { type: 'string' },
    },
  });
  if (positionals.length === 0) throw new UsageError('proxy: to which servers?');
  const { cert, key, health, timeout } = values;
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--cert and --key belong together');
  const ms = timeout === undefined ? undefined : wholeNumber('timeout', timeout, MOST_MS, 1);
  const options: ProxyOptions = {
    balance: balanceOf(values.balance),
    trust: values.trust,
    host: values['upstream-host'] ? 'upstream' : 'keep',
    headersTimeout: ms,
    bodyTimeout: ms,
    health: health === undefined ? undefined : { path: health },
  };
  // 3000, localhost:3000: as one would type it.
  const upstreams = positionals.map((text) => {
    if (/^\d+$/.test(text)) return `http://127.0.0.1:${text}`;
    return /^\w+:\/|^unix:/.test(text) ? text : `http://${text}`;
  });
  const tls = cert === undefined ? undefined : { cert, key: key! };
  return { upstreams, port: portOf('port', values.port), host: values.host, options, tls };
}

function balanceOf(text: string): NonNullable<ProxyOptions['balance']> {
  if (text === 'least') return 'least-connections';
  if (text === 'turn') return 'round-robin';
  if (text === 'address') return { hash: 'address' };
  const [, kind, name] = /^(header|cookie):([\w-]+)$/.exec(text) ?? [];
  if (name === undefined) throw new UsageError(`--balance ${text}: it is least, turn, address, header:NAME or cookie:NAME`);
  return { hash: kind === 'header' ? { header: name } : { cookie: name } };
}

/** `stackful proxy UPSTREAM...`: ends the process when a signal has told the proxy to end, and it has ended. */
export async function proxyCommand(args: string[]): Promise<void> {
  const given = read(args);
  const { proxy, serve } = await import('../http.js');
  let server: Server;
  try {
    const handler = proxy(given.upstreams, given.options);
    server = serve(handler, { port: given.port, host: given.host, ...credentials(given.tls) });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_INVALID_URL' || code.startsWith('ERR_INVALID_ARG')) throw new UsageError(message, { cause: error });
    if (code.startsWith('ERR_OSSL')) throw new CliError(`--cert and --key are no certificate and its key: ${message}`, { cause: error });
    throw explain(error, { directory: '', port: given.port, host: given.host });
  }
  const told = untilToldToEnd();
  const { address } = server;
  const where = typeof address === 'string' ? address : urlOf(address, given);
  console.log(`Knot passes requests from ${where} on to ${given.upstreams.join(', ')}`);
  const statistics = showStatistics(server, process.stdout);
  const signal = await told;
  statistics.stop();
  await endServer(server, signal);
}
