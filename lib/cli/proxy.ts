import type { ProxyOptions, Server } from '../http.js';
import { CliError, UsageError } from './errors.js';
import { certificateOf } from './serve_arguments.js';
import { credentials, explain, serveUntil, untilToldToEnd, urlOf, type CertificateFiles } from './serving.js';
import { inheritedSocket } from './systemd.js';
import { PROXY } from './tables.js';
import { valuesFrom } from './values.js';

interface ProxyArguments {
  upstreams: string[];
  port: number;
  host: string;
  options: ProxyOptions;
  proxyProtocol: boolean;
  /** Paths of PEM files; undefined: HTTP. */
  tls: CertificateFiles | undefined;
}

async function proxyArguments(args: string[]): Promise<ProxyArguments> {
  const values = await valuesFrom(PROXY, args);
  const { upstreams: given, port, host, cert, key, health, timeout, balance, trust, upstreamHost, proxyProtocol } = values;
  if (given === undefined) throw new UsageError('proxy: to which servers?');
  const options: ProxyOptions = {
    balance: balanceOf(balance),
    trust,
    host: upstreamHost ? 'upstream' : 'keep',
    headersTimeout: timeout,
    bodyTimeout: timeout,
    health: health === undefined ? undefined : { path: health },
  };
  // 3000, localhost:3000: as one would type it.
  const upstreams = given.map((text) => {
    if (/^\d+$/.test(text)) return `http://127.0.0.1:${text}`;
    return /^\w+:\/|^unix:/.test(text) ? text : `http://${text}`;
  });
  return { upstreams, port, host, options, proxyProtocol, tls: certificateOf(cert, key) };
}

function balanceOf(text: string): NonNullable<ProxyOptions['balance']> {
  if (text === 'least') return 'least-connections';
  if (text === 'turn') return 'round-robin';
  if (text === 'address') return { hash: 'address' };
  const [kind, name] = text.split(':') as [string, string];
  return { hash: kind === 'header' ? { header: name } : { cookie: name } };
}

/** `stackful proxy UPSTREAM...`: ends the process when a signal has told the proxy to end, and it has ended. */
export async function proxyCommand(args: string[]): Promise<void> {
  const given = await proxyArguments(args);
  const { proxy, serve } = await import('../http.js');
  const fd = await inheritedSocket();
  let server: Server;
  try {
    const handler = proxy(given.upstreams, given.options);
    const { port, host, proxyProtocol } = given;
    server = serve(handler, { ...(fd === undefined ? { port, host } : { fd }), proxyProtocol, ...credentials(given.tls) });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_INVALID_URL' || code.startsWith('ERR_INVALID_ARG')) throw new UsageError(message, { cause: error });
    if (code.startsWith('ERR_OSSL')) throw new CliError(`--cert and --key are no certificate and its key: ${message}`, { cause: error });
    throw explain(error, { directory: '', port: given.port, host: given.host });
  }
  const where = urlOf(server.address, given);
  await serveUntil(untilToldToEnd(), server, `passes requests from ${where} on to ${given.upstreams.join(', ')}`);
}
