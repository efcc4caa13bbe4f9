import { timeout } from '../coroutine/timeout.js';
import { withSignal } from '../coroutine/signal.js';
import { invalidType, invalidValue, numberIn } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';
import { connect as connectPlain } from '../net/connect.js';
import { ReadLimitError } from '../net/errors.js';
import type { Socket } from '../net/socket.js';
import { connectTo } from '../tls/connect.js';
import type { TlsClientOptions } from '../tls/terms.js';
import { Deflate } from './deflate.js';
import { WebSocketHandshakeError } from './errors.js';
import { agreedUpon, offerOf } from './extensions.js';
import { acceptKey, hasToken, protocolsOf } from './handshake.js';
import { wsKey } from './native.js';
import { settingsOf, WEBSOCKET_OPTIONS, type Settings, type WebSocketOptions } from './options.js';
import { WebSocket } from './websocket.js';

/** The options of {@link connect}. */
export interface WebSocketConnectOptions extends WebSocketOptions, ParkOptions {
  /** More headers of the request. */
  headers?: Readonly<Record<string, string>>;
  /** The subprotocols that the client speaks, the one it likes best first. */
  protocols?: string | readonly string[];
  /** The header `Origin`. */
  origin?: string;
  /** For `wss:`, the options of `connect` of `stackful/tls`. */
  tls?: TlsClientOptions;
  /** The most milliseconds from the call to the server's answer. Default 10,000. */
  handshakeTimeout?: number;
}

const KNOWN = new Set([...WEBSOCKET_OPTIONS, 'headers', 'protocols', 'origin', 'tls', 'handshakeTimeout', 'signal']);
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NOT_IN_VALUES = /[^\t\x20-\x7e\x80-\xff]/;
const RESERVED = new Set(['upgrade', 'connection', 'content-length', 'transfer-encoding']);
const MOST_HEAD_BYTES = 16 * 1024;
const SWITCHING_PROTOCOLS = 101;

interface Target {
  readonly secure: boolean;
  readonly host: string;
  readonly where: { host: string; port: number } | { path: string };
  readonly path: string;
  readonly authorization: string | undefined;
}

/**
 * Connects to a WebSocket server: `ws://host:port/path`, `wss:` over TLS, or `ws+unix:/the/socket:/path`. An answer that is no 101, a
 * redirect included, is an error. Parks.
 *
 * @throws WebSocketHandshakeError (`ERR_WEBSOCKET_HANDSHAKE`) with the `status` of another answer; TimeoutError (`ERR_TIMEOUT`) after
 *   `handshakeTimeout`; TypeError (`ERR_INVALID_URL`, `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`, ...); what `connect` of
 *   `stackful/net` and `stackful/tls` throw
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { serve } from 'stackful/http';
 * import { connect } from 'stackful/websocket';
 *
 * const server = serve((request) => {
 *   const socket = request.upgrade({ protocols: ['sum'] });
 *   let sum = 0;
 *   for (const message of socket) sum += Number(message), socket.send(String(sum));
 * }, { host: '127.0.0.1' });
 * await spawn(() => {
 *   using socket = connect(`ws://127.0.0.1:${server.port}/`, { protocols: ['product', 'sum'] });
 *   for (const summand of [1, 2, 3]) socket.send(String(summand));
 *   console.log(socket.protocol, socket.receive(), socket.receive(), socket.receive()); // sum 1 3 6
 * });
 * await server.close();
 * ```
 */
export function connect(url: string | URL, options: WebSocketConnectOptions = {}): WebSocket {
  knownOptions('connect', options, KNOWN);
  const { signal, handshakeTimeout = 10_000 } = options;
  if (signal) return withSignal(signal, () => connect(url, { ...options, signal: undefined }));
  numberIn('options.handshakeTimeout', handshakeTimeout, 1, 2 ** 31 - 1);
  const settings = settingsOf(options);
  const target = targetOf(url);
  const key = wsKey();
  const protocols = options.protocols === undefined ? []
    : protocolsOf('options.protocols', typeof options.protocols === 'string' ? [options.protocols] : options.protocols);
  const request = requestFor(target, key, protocols, settings, options);
  let socket: Socket | undefined;
  try {
    return timeout(handshakeTimeout, () => {
      const { where } = target;
      socket = target.secure ? connectTo({ ALPNProtocols: ['http/1.1'], ...options.tls }, where) : connectPlain(where);
      socket.write(request);
      return shakeHands(socket, key, protocols, settings);
    });
  } catch (error) {
    socket?.close();
    throw error;
  }
}

function targetOf(url: string | URL): Target {
  const parsed = new URL(url);
  const { protocol, hash, username, password } = parsed;
  if (hash !== '') throw invalidValue('url', 'without a fragment', String(url));
  const authorization = username === '' && password === '' ? undefined
    : `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`;
  if (protocol === 'ws+unix:') {
    const [file, path = ''] = parsed.pathname.split(':', 2);
    if (!file) throw invalidValue('url', 'ws+unix:/the/socket:/path', String(url));
    const where = { path: decodeURIComponent(file) };
    return { secure: false, host: 'localhost', where, path: (path || '/') + parsed.search, authorization };
  }
  if (protocol !== 'ws:' && protocol !== 'wss:') throw invalidValue('url', 'of ws:, wss: or ws+unix:', String(url));
  const secure = protocol === 'wss:';
  const port = parsed.port === '' ? (secure ? 443 : 80) : Number(parsed.port);
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  return { secure, host: parsed.host, where: { host, port }, path: parsed.pathname + parsed.search, authorization };
}

function requestFor(
  target: Target, key: string, protocols: readonly string[], { compression }: Settings, options: WebSocketConnectOptions,
): string {
  const fields: Record<string, string> = { 'Host': target.host };
  if (target.authorization !== undefined) fields['Authorization'] = target.authorization;
  if (options.origin !== undefined) fields['Origin'] = options.origin;
  const { headers = {} } = options;
  if (typeof headers !== 'object' || headers === null) throw invalidType('options.headers', 'an object', headers);
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!HEADER_NAME.test(name) || RESERVED.has(lower) || lower.startsWith('sec-websocket-')) {
      throw invalidValue('options.headers', 'without headers that are the library\'s to write', name);
    }
    if (typeof value !== 'string' || NOT_IN_VALUES.test(value)) throw invalidValue(`options.headers.${name}`, 'text for a header', value);
    for (const other of Object.keys(fields)) if (other.toLowerCase() === lower) delete fields[other];
    fields[name] = value;
  }
  const { origin = '' } = options;
  if (NOT_IN_VALUES.test(origin)) throw invalidValue('options.origin', 'text for a header', origin);
  Object.assign(fields, { 'Upgrade': 'websocket', 'Connection': 'Upgrade', 'Sec-WebSocket-Key': key, 'Sec-WebSocket-Version': '13' });
  if (protocols.length > 0) fields['Sec-WebSocket-Protocol'] = protocols.join(', ');
  if (compression) fields['Sec-WebSocket-Extensions'] = offerOf(compression);
  return `GET ${target.path} HTTP/1.1\r\n${Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** Reads the server's answer. Parks. */
function shakeHands(socket: Socket, key: string, protocols: readonly string[], settings: Settings): WebSocket {
  const { status, headers } = answerOf(socket);
  const refuse = (message: string) => new WebSocketHandshakeError(`connect: ${message}`, status, headers);
  if (status !== SWITCHING_PROTOCOLS) throw refuse(`the server has answered with status ${String(status)}`);
  if (headers['upgrade']?.toLowerCase() !== 'websocket' || !hasToken(headers['connection'], 'upgrade')) {
    throw refuse('the server has not agreed to a WebSocket');
  }
  if (headers['sec-websocket-accept'] !== acceptKey(key)) throw refuse('the header Sec-WebSocket-Accept is wrong');
  const protocol = headers['sec-websocket-protocol'] ?? '';
  if (protocol !== '' && !protocols.includes(protocol)) throw refuse(`the server speaks ${protocol}, which it was not asked for`);
  const { compression } = settings;
  const extensions = headers['sec-websocket-extensions'];
  const terms = compression ? agreedUpon(extensions, compression) : extensions ? undefined : false;
  if (terms === undefined) {
    throw refuse(`the server uses extensions that it was not asked for: ${extensions!}`);
  }
  const deflate = terms && compression ? new Deflate(compression, terms) : undefined;
  return new WebSocket(socket, { server: false, protocol, deflate, settings, received: socket.surplus.take(socket.surplus.length) });
}

function answerOf(socket: Socket): { status: number; headers: Record<string, string> } {
  let left = MOST_HEAD_BYTES;
  const lineOf = (): string => {
    try {
      const line = socket.readLine({ limit: left });
      if (line === null) throw new WebSocketHandshakeError('connect: the connection ended before the server\'s answer did');
      left -= line.length;
      return line;
    } catch (error) {
      if (error instanceof ReadLimitError) throw new WebSocketHandshakeError('connect: the server\'s answer is too long');
      throw error;
    }
  };
  const match = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(lineOf());
  if (!match) throw new WebSocketHandshakeError('connect: what the server has sent is no answer of HTTP/1.1');
  const status = Number(match[1]);
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let line = lineOf(); line !== ''; line = lineOf()) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    if (!HEADER_NAME.test(name)) throw new WebSocketHandshakeError('connect: a header of the answer is malformed', status, headers);
    const key = name.toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  return { status, headers };
}
