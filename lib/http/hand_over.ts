import { fail } from '../internal/codes.js';
import { CONNECTION_BUSY, EALREADY, EBUSY, REQUEST_OVER } from '../internal/results.js';
import { Socket } from '../net/socket.js';
import type { Place, TlsInfo } from '../tls/info.js';
import { TlsSocket } from '../tls/socket.js';
import type { ServerTerms } from '../tls/terms.js';
import { httpHandOver } from './native.js';

/** The protocol that has a connection after `Connection.handOver`. */
export interface Successor {
  /** The server closes, and waits for the connection's coroutine to end. Neither parks nor throws. */
  serverCloses(): void;
  /** Whether what the handler has thrown is the peer's doing: then it is not reported. */
  expects(failure: unknown): boolean;
  /** The handler is done; `failure`: what it has thrown. The socket is closed next. Parks. */
  over(failure: unknown): void;
}

/** What a connection, or a stream of one, becomes. */
export abstract class Heir {
  /** What the handler has thrown. */
  failure: unknown = undefined;

  constructor(readonly successor: Successor) {}

  /** Ends the other protocol, and closes what carries it. Parks; never throws. */
  end(): void {
    try {
      this.successor.over(this.failure);
    } catch (error) {
      console.error('stackful/http: the end of a connection that was handed over failed:', error);
    }
    this.close();
  }

  protected abstract close(): void;
}

/** What a connection becomes. */
export class SocketHeir extends Heir {
  readonly socket: Socket;

  /** `number`: native's record of the connection. Throws as `Connection.handOver`. Parks. */
  constructor(number: number, terms: ServerTerms | undefined, tls: TlsInfo | undefined, successor: Successor) {
    super(successor);
    const result = httpHandOver(number);
    if (typeof result === 'number') throw cannotHandOver(result);
    const [handle, received] = result;
    this.socket = terms ? new TlsSocket(handle, terms, true, undefined, tls) : new Socket(handle);
    if (received.length > 0) this.socket.surplus.add(received);
  }

  /** Where its TLS session is. */
  get place(): Place {
    return { number: this.socket.handle, ofHttp: false };
  }

  /** The peer; unknown when first asked for after the socket was closed. */
  get remote(): readonly [host: string, port: number] {
    return [this.socket.remoteAddress ?? '', this.socket.remotePort ?? 0];
  }

  protected close(): void {
    this.socket.close();
  }
}

/** The error for what cannot be handed over, or not now; throws that of a write. */
export function cannotHandOver(code: number): Error {
  if (code !== EBUSY && code !== EALREADY && code !== CONNECTION_BUSY && code !== REQUEST_OVER) fail(code, 'request.upgrade', 'write');
  const message = 'a connection is handed over once, while its request has no response and no body that is still to be read';
  return Object.assign(new Error(message), { code: 'ERR_HTTP_CANNOT_HAND_OVER' });
}
