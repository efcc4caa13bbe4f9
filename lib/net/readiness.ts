import { invalidType } from '../internal/arguments.js';
import { readiness } from '../internal/readiness.js';
import { NOT_READY, type GIVES, type Selectable } from '../sync/selectable.js';
import { failSocket } from './failure.js';
import { Listener } from './listener.js';
import { Socket } from './socket.js';
import { UdpSocket } from './udp.js';

/** A case of `select`: a socket can be read or written without waiting. */
export class Readiness implements Selectable<undefined> {
  /** @hidden */
  declare readonly [GIVES]: undefined;
  /** @internal */
  constructor(
    private readonly owner: Socket | Listener | UdpSocket,
    /** Whether it waits for room to write, not for something to read. */
    readonly forWriting: boolean,
  ) {}

  /** @internal */
  get socket(): number {
    return this.owner.handle;
  }

  /** @internal */
  selectNow(): undefined | typeof NOT_READY {
    const { owner, forWriting } = this;
    if (owner instanceof UdpSocket && owner.isReady(forWriting)) return undefined;
    if (owner instanceof Socket && !forWriting && owner.unread > 0) return undefined;
    const code = readiness.netReady(owner.handle, forWriting);
    if (code < 0) failSocket(owner.handle, code, 'select', 'poll');
    return code > 0 ? undefined : NOT_READY;
  }
}

/**
 * A case of `select` that is ready when reading from a socket, or accepting from a listener, would not wait: bytes, a datagram or a
 * connection have arrived, the stream has ended, or the call would throw a system error. It reads nothing.
 *
 * `select` throws SocketClosedError (`ERR_SOCKET_CLOSED`) when the socket was closed.
 *
 * @example
 * ```ts
 * import { Event, select, spawn } from 'stackful';
 * import { connect, listen, readable } from 'stackful/net';
 *
 * const stop = new Event();
 * await spawn(() => {
 *   using listener = listen({ host: '127.0.0.1', port: 0 });
 *   using client = connect({ host: '127.0.0.1', port: listener.address.port });
 *   using server = listener.accept();
 *   client.write('ping');
 *   const { key } = select({ data: readable(server), stop });
 *   if (key === 'data') console.log(String(server.read())); // ping
 * });
 * ```
 */
export function readable(source: Socket | Listener | UdpSocket): Readiness {
  if (source instanceof Socket || source instanceof Listener || source instanceof UdpSocket) return new Readiness(source, false);
  throw invalidType('source', 'a Socket, a UdpSocket or a Listener', source);
}

/**
 * A case of `select` that is ready when the system has room for more bytes to send. Otherwise like {@link readable}.
 *
 * @example
 * ```ts
 * import { after, select, spawn } from 'stackful';
 * import { connect, listen, writable } from 'stackful/net';
 *
 * await spawn(() => {
 *   using listener = listen({ host: '127.0.0.1', port: 0 });
 *   using socket = connect({ host: '127.0.0.1', port: listener.address.port });
 *   console.log(select({ room: writable(socket), slow: after(1000) }).key); // room
 * });
 * ```
 */
export function writable(socket: Socket | UdpSocket): Readiness {
  if (socket instanceof Socket || socket instanceof UdpSocket) return new Readiness(socket, true);
  throw invalidType('socket', 'a Socket or a UdpSocket', socket);
}
