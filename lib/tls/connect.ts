import { isIP } from 'node:net';

import { withSignal } from '../coroutine/signal.js';
import { invalidType, invalidValue } from '../internal/arguments.js';
import { knownOptions, refuse } from '../internal/options.js';
import { connect as connectPlain, type ConnectOptions } from '../net/connect.js';
import { Socket } from '../net/socket.js';
import { TlsSocket } from './socket.js';
import { CLIENT_OPTIONS, clientTerms, split, type ClientTerms, type TlsClientOptions } from './terms.js';

/** The options of {@link connect}. */
export interface TlsConnectOptions extends TlsClientOptions, Omit<ConnectOptions, 'tls'> {
  /**
   * A connection that is there already, to speak TLS over from now on (STARTTLS), instead of port, host or path. The socket itself
   * is closed by that. Besides options of TLS only `signal` goes with it, and `host`, as the default of `servername`.
   */
  socket?: Socket;
}

const KNOWN_WITH_SOCKET = new Set(['host', 'signal']);

/**
 * Connects to a server and does the handshake, with the options and defaults of `tls.connect` of Node: the server's certificate
 * has to be trusted and to be the host's. Parks.
 *
 * @throws what `connect` of `stackful/net`, {@link secureContext} and `handshake` of {@link TlsSocket} throw
 *
 * @example
 * ```ts
 * import { execFileSync } from 'node:child_process';
 * import { mkdtempSync, readFileSync } from 'node:fs';
 * import { spawn } from 'stackful';
 * import { connect, listen } from 'stackful/tls';
 *
 * const folder = mkdtempSync('/tmp/tls-');
 * const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-subj', '/CN=localhost'];
 * execFileSync('openssl', made, { cwd: folder, stdio: 'ignore' });
 * const [key, cert] = ['key', 'cert'].map((name) => readFileSync(`${folder}/${name}.pem`));
 *
 * await spawn(() => {
 *   using listener = listen({ host: '127.0.0.1', port: 0, key, cert });
 *   spawn(() => {
 *     using accepted = listener.accept();
 *     accepted.write(`hello ${accepted.readLine()}`);
 *   });
 *   const { port } = listener.address;
 *   using socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: cert });
 *   socket.write('world\n');
 *   console.log(socket.authorized, String(socket.read())); // true hello world
 * });
 * ```
 */
export function connect(options: TlsConnectOptions): TlsSocket {
  if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
  const [tls, others] = split(options, CLIENT_OPTIONS);
  const { socket, ...where } = others;
  // Of `connect` of `stackful/net`, and nothing here would look at it.
  if ('tls' in where) refuse('tls.connect', where, 'tls', CLIENT_OPTIONS);
  if (socket === undefined) return connectTo(tls, where);
  if (!(socket instanceof Socket)) throw invalidType('options.socket', 'a Socket', socket);
  if (socket instanceof TlsSocket) throw invalidValue('options.socket', 'without TLS', socket);
  knownOptions('tls.connect with a socket', where, KNOWN_WITH_SOCKET);
  return secureClient(socket, termsFor(tls, where.host), where.signal);
}

/** Connects to `where`. Parks. */
export function connectTo(tls: TlsClientOptions, where: Omit<ConnectOptions, 'tls'>): TlsSocket {
  // First, so that no connection is made for nothing.
  const terms = termsFor(tls, where.host);
  return secureClient(connectPlain(where), terms, where.signal);
}

function termsFor(tls: TlsClientOptions, host: string | undefined): ClientTerms {
  return clientTerms('tls.connect', tls, host, isIP(tls.servername ?? host ?? '') !== 0);
}

function secureClient(socket: Socket, terms: ClientTerms, signal?: AbortSignal): TlsSocket {
  let result: TlsSocket | undefined;
  try {
    const { handle, received, allowHalfOpen } = socket.release('tls.connect');
    const made = (result = new TlsSocket(handle, terms, allowHalfOpen, received));
    if (signal) withSignal(signal, () => { made.handshake(); });
    else made.handshake();
    return made;
  } catch (error) {
    (result ?? socket).close();
    throw error;
  }
}
