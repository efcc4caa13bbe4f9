import { invalidType } from '../internal/arguments.js';
import { refuse } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';
import { Listener, openListener, type ListenerTraits, type ListenOptions } from '../net/listener.js';
import { TlsSocket } from './socket.js';
import { SERVER_OPTIONS, serverTerms, split, type ServerTerms, type TlsServerOptions } from './terms.js';

/** The options of {@link listen}. */
export interface TlsListenOptions extends TlsServerOptions, Omit<ListenOptions, 'tls'> {}

/**
 * A socket that accepts connections over TLS. {@link listen} makes one.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { listen } from 'stackful/tls';
 *
 * const listener = listen({ host: '127.0.0.1', port: 0 }); // a real one has `key` and `cert`
 * spawn(() => {
 *   for (const socket of listener) {
 *     spawn(() => {
 *       using connection = socket;
 *       connection.handshake(); // here, where it holds up nobody else
 *       for (const chunk of connection) connection.write(chunk);
 *     });
 *   }
 * });
 * listener.close();
 * console.log(listener.closed); // true
 * ```
 */
export class TlsListener extends Listener {
  private readonly terms: ServerTerms;

  /** @internal */
  constructor(handle: number, terms: ServerTerms, traits: ListenerTraits) {
    super(handle, traits);
    this.terms = terms;
  }

  /** The next connection, before its handshake: see {@link TlsSocket}. Throws as {@link Listener.accept}. Parks. */
  override accept(options?: ParkOptions): TlsSocket {
    return super.accept(options) as TlsSocket;
  }

  override [Symbol.iterator](): Iterator<TlsSocket, undefined> {
    return super[Symbol.iterator]() as Iterator<TlsSocket, undefined>;
  }

  /** @internal */
  protected override connection(handle: number): TlsSocket {
    return new TlsSocket(handle, this.terms, this.allowHalfOpen);
  }
}

/**
 * Listens for connections over TLS, with the options and defaults of `tls.createServer` of Node; without `host`, on every
 * address. Parks only to look up a host name.
 *
 * @throws what `listen` of `stackful/net` and {@link secureContext} throw
 *
 * @example
 * ```ts
 * import { listen, secureContext } from 'stackful/tls';
 *
 * const context = secureContext({ minVersion: 'TLSv1.3' }); // a real one has `key` and `cert`
 * const listener = listen({ host: '127.0.0.1', port: 0, secureContext: context, ALPNProtocols: ['http/1.1'] });
 * console.log(listener.address.port > 0); // true
 * listener.close();
 * ```
 */
export function listen(options: TlsListenOptions): TlsListener {
  if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
  const [tls, where] = split(options, SERVER_OPTIONS);
  // Of `listen` of `stackful/net`, and nothing here would look at it.
  if ('tls' in where) refuse('tls.listen', where, 'tls', SERVER_OPTIONS);
  return listenAt(tls, where);
}

/** Listens at `where`. Parks as {@link listen}. */
export function listenAt(tls: TlsServerOptions, where: Omit<ListenOptions, 'tls'>): TlsListener {
  const terms = serverTerms('tls.listen', tls);
  return openListener(where, (handle, traits) => new TlsListener(handle, terms, traits));
}
