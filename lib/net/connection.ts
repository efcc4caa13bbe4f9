import { knownOptions } from '../internal/options.js';
import { addressOf, type SocketAddress } from './address.js';
import { SocketClosedError } from './errors.js';
import { failSocket } from './failure.js';
import { CLOSED, netCredentials, netDescriptor } from './native.js';
import { encodeOptions, OPTION_NAMES, readOptions, setOptions, type SocketOptions } from './options.js';

/** Who is at the other end of a Unix socket, at the time when it connected or began to listen. */
export interface PeerCredentials {
  /** The process. */
  readonly pid: number;
  /** The user that it ran as. */
  readonly uid: number;
  /** The group that it ran as. */
  readonly gid: number;
}

const SETTABLE = new Set<string>(OPTION_NAMES);

/** What a connection is, without the bytes that it carries: its ends and its options. Nothing here parks. */
export abstract class Connection {
  /** @internal */
  handle: number;
  private local: SocketAddress | undefined;
  private remote: SocketAddress | undefined;

  /** @internal */
  constructor(handle: number) {
    this.handle = handle;
  }

  /** Whether its bytes pass through TLS. @internal */
  get encrypted(): boolean {
    return false;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.handle === CLOSED;
  }

  /**
   * The peer's address. This and the properties below are undefined for Unix sockets, and if first read after the socket was closed.
   */
  get remoteAddress(): string | undefined {
    return ip(this.peer())?.address;
  }
  /** `IPv4` or `IPv6`. */
  get remoteFamily(): string | undefined {
    return ip(this.peer())?.family;
  }
  /** The peer's port. */
  get remotePort(): number | undefined {
    return ip(this.peer())?.port;
  }
  /** The address of this end. */
  get localAddress(): string | undefined {
    return ip(this.own())?.address;
  }
  /** `IPv4` or `IPv6`. */
  get localFamily(): string | undefined {
    return ip(this.own())?.family;
  }
  /** The port of this end. */
  get localPort(): number | undefined {
    return ip(this.own())?.port;
  }

  /** The system's descriptor, which stays the socket's; -1 when closed. */
  get fd(): number {
    return Math.max(CLOSED, netDescriptor(this.handle));
  }

  /**
   * Changes options. Those of TCP and IP are left out for a Unix socket, as Node does.
   *
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`), SocketClosedError
   *   (`ERR_SOCKET_CLOSED`), the system's errors
   */
  setOptions(options: SocketOptions): void {
    knownOptions('socket.setOptions', options, SETTABLE);
    setOptions(this.handle, encodeOptions(options, this.transport('socket.setOptions')), 'socket.setOptions');
  }

  /** The options as the system has them. Of a Unix socket only `keepAlive` and the sizes of its buffers. */
  getOptions(): SocketOptions {
    return readOptions(this.handle, this.transport('socket.getOptions'), 'socket.getOptions');
  }

  /** As in `node:net`: the option `noDelay`. */
  setNoDelay(noDelay = true): this {
    this.setOptions({ noDelay });
    return this;
  }

  /** As in `node:net`: the options `keepAlive` to `keepAliveCount`. Times in milliseconds. */
  setKeepAlive(enable = false, initialDelay = 0, interval?: number, count?: number): this {
    const times = enable && { keepAliveInitialDelay: initialDelay, keepAliveInterval: interval, keepAliveCount: count };
    this.setOptions({ keepAlive: enable, ...times });
    return this;
  }

  /**
   * Who is at the other end of a Unix socket. The kernel vouches for it.
   *
   * @throws SocketClosedError (`ERR_SOCKET_CLOSED`), the system's errors
   */
  peerCredentials(): PeerCredentials {
    const result = netCredentials(this.handle);
    if (typeof result === 'number') return failSocket(this.handle, result, 'socket.peerCredentials', 'getsockopt');
    const [pid, uid, gid] = result;
    return { pid, uid, gid };
  }

  private transport(operation: string): SocketAddress['family'] {
    const own = this.own();
    if (!own) throw new SocketClosedError(operation);
    return own.family;
  }

  private peer(): SocketAddress | undefined {
    return (this.remote ??= addressOf(this.handle, true));
  }

  private own(): SocketAddress | undefined {
    return (this.local ??= addressOf(this.handle, false));
  }
}

function ip(address: SocketAddress | undefined): SocketAddress | undefined {
  return address?.family === 'Unix' ? undefined : address;
}
