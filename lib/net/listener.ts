import { unlinkSync } from 'node:fs';

import { SocketClosedError } from '../errors.js';
import { invalidType, integerIn } from '../internal/arguments.js';
import type { ParkOptions } from '../internal/parking.js';
import { sleep } from '../scheduling.js';
import { withSignal } from '../signal.js';
import {
  addressOf,
  checkEndpoint,
  resolveHost,
  type EndpointOptions,
  type SocketAddress,
} from './address.js';
import { failSocket } from './failure.js';
import { CLOSED, netAccept, netClose, netListen } from './native.js';
import { Socket } from './socket.js';

export interface ListenOptions extends EndpointOptions {
  /** Connections that the system keeps ready. Default 511. */
  backlog?: number;
  /**
   * Lets several listeners, also of other processes, share the port; the system spreads connections over
   * them.
   */
  reusePort?: boolean;
}

/**
 * For want of descriptors or memory, which others give back with time. The connection stays in the backlog.
 */
const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);
const SHORTAGE_PAUSE_MS = 20;

const abandoned = new FinalizationRegistry<number>(netClose);

/** A socket that takes connections. Made by {@link listen}. */
export class Listener implements Iterable<Socket>, Disposable {
  /** Where it listens; `port` is the one the system chose when 0 was asked for. */
  readonly address: SocketAddress;
  /** @internal */
  handle: number;

  /** @internal */
  constructor(handle: number) {
    this.handle = handle;
    this.address = addressOf(handle, false)!;
    abandoned.register(this, handle, this);
  }

  /**
   * The next connection. Parks.
   *
   * @throws NotInCoroutineError, CancelledError, TimeoutError, SocketClosedError (`ERR_SOCKET_CLOSED`) after
   *   `close`; `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`: the connection is still there for the next call, which
   *   should not come at once
   */
  accept(options?: ParkOptions): Socket {
    if (options?.signal) return withSignal(options.signal, () => this.accept());
    const result = netAccept(this.handle);
    if (result < 0) failSocket(this.handle, result, 'listener.accept', 'accept');
    return new Socket(result);
  }

  /** Connections, until the listener is closed. Rides out a shortage of descriptors. Parks. */
  [Symbol.iterator](): Iterator<Socket, undefined> {
    let warned = false;
    const next = (): IteratorResult<Socket, undefined> => {
      for (;;) {
        try {
          return { done: false, value: this.accept() };
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (error instanceof SocketClosedError) return { done: true, value: undefined };
          if (!code || !SHORTAGES.has(code)) throw error;
          if (!warned) process.emitWarning(`${(error as Error).message}: connections have to wait`, { code });
          warned = true;
        }
        sleep(SHORTAGE_PAUSE_MS);
      }
    };
    return { next };
  }

  /**
   * Stops listening. Every coroutine parked in `accept` gets a SocketClosedError; a loop over it ends. Never
   * parks.
   */
  close(): void {
    const handle = this.handle;
    if (handle === CLOSED) return;
    this.handle = CLOSED;
    abandoned.unregister(this);
    const { family, address } = this.address;
    // While it is still ours: somebody else may listen there a moment later.
    if (family === 'Unix' && address !== '' && !address.startsWith('\0')) {
      try {
        unlinkSync(address);
      } catch {
        // Somebody else did.
      }
    }
    netClose(handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get closed(): boolean {
    return this.handle === CLOSED;
  }
}

/**
 * Listens on a TCP port or a Unix socket. Without `host`: on every address, IPv4 and IPv6. Parks only to look
 * up a host name.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`), RangeError (`ERR_SOCKET_BAD_PORT`),
 *   the system's errors with Node's codes (`EADDRINUSE`, `EACCES`, ...)
 */
export function listen(options: ListenOptions): Listener {
  if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
  checkEndpoint(options);
  const { path, port = -1, host, backlog = 511, reusePort = false } = options;
  integerIn('options.backlog', backlog, 0, 2 ** 31 - 1);
  if (typeof reusePort !== 'boolean') throw invalidType('options.reusePort', 'a boolean', reusePort);
  const address = path ?? (host ? resolveHost(host)[0]! : '');
  const result = netListen(address, port, backlog, reusePort);
  if (result < 0) {
    const at = path === undefined ? { address: address || '::', port } : { address: path };
    failSocket(CLOSED, result, 'listen', 'listen', at);
  }
  return new Listener(result);
}
