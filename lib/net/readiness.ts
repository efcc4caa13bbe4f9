import { invalidType } from '../internal/arguments.js';
import { native } from '../internal/native.js';
import { NOT_READY, type Selectable } from '../internal/selectable.js';
import { failSocket } from './failure.js';
import { Listener } from './listener.js';
import { Socket } from './socket.js';

/** That a socket can be read or written without waiting, as a case of `select`. */
export class Readiness implements Selectable<undefined> {
  /** @internal */
  constructor(private readonly owner: Socket | Listener, readonly forWriting: boolean) {}

  /** @internal */
  get socket(): number {
    return this.owner.handle;
  }

  /** @internal */
  selectNow(): undefined | typeof NOT_READY {
    if (!this.forWriting && this.owner instanceof Socket && this.owner.buffered > 0) return undefined;
    const code = native.netReady(this.owner.handle, this.forWriting);
    if (code < 0) failSocket(this.owner.handle, code, 'select', 'poll');
    return code > 0 ? undefined : NOT_READY;
  }
}

/**
 * The case of a `select` that is chosen when reading from a socket, or accepting from a listener, would not wait: there
 * are bytes (a connection), the stream has ended, or there is an error to be had. Nothing is read.
 *
 * `select` throws SocketClosedError (`ERR_SOCKET_CLOSED`) when the socket has been closed.
 */
export function readable(source: Socket | Listener): Readiness {
  if (source instanceof Socket || source instanceof Listener) return new Readiness(source, false);
  throw invalidType('source', 'a Socket or a Listener', source);
}

/** The case of a `select` that is chosen when the system has room for more to send. Otherwise like {@link readable}. */
export function writable(socket: Socket): Readiness {
  if (socket instanceof Socket) return new Readiness(socket, true);
  throw invalidType('socket', 'a Socket', socket);
}
