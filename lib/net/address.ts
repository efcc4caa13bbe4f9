import { invalidType, invalidValue } from '../internal/arguments.js';
import { CLOSED, netAddress } from './native.js';

/** One end of a connection. For a Unix socket `address` is its path ('' when it has none) and `port` is 0. */
export interface SocketAddress {
  /** The numeric address, or a path. */
  readonly address: string;
  /** The kind of address. */
  readonly family: 'IPv4' | 'IPv6' | 'Unix';
  /** The port; 0 for a Unix socket. */
  readonly port: number;
}

const FAMILIES = { 4: 'IPv4', 6: 'IPv6', 0: 'Unix' } as const;

/** The socket's own address, or its peer's; undefined when the socket is closed, or the peer has left. */
export function addressOf(handle: number, ofPeer: boolean): SocketAddress | undefined {
  if (handle === CLOSED) return undefined;
  const parts = netAddress(handle, ofPeer);
  return parts && { address: parts[0], family: FAMILIES[parts[2]], port: parts[1] };
}

/** The options of `listen` and `connect` that give the address. */
export interface EndpointOptions {
  /** 0 to 65535. */
  port?: number;
  /** A name or a numeric address. */
  host?: string;
  /** Path of a Unix socket, instead of host and port; one that begins with `\0` is abstract. */
  path?: string;
}

/** @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`), RangeError (`ERR_SOCKET_BAD_PORT`) */
export function checkEndpoint(options: EndpointOptions): void {
  const { port, host, path } = options;
  if (path !== undefined) {
    if (typeof path !== 'string') throw invalidType('options.path', 'a string', path);
    if (path === '' || path.includes('\0', 1)) {
      throw invalidValue('options.path', 'a path without null bytes, but perhaps a first one', path);
    }
    if (port !== undefined || host !== undefined) {
      throw invalidValue('options.path', 'absent when there is a host or a port', path);
    }
    return;
  }
  if (host !== undefined && typeof host !== 'string') throw invalidType('options.host', 'a string', host);
  if (host?.includes('\0')) throw invalidValue('options.host', 'a name without null bytes', host);
  if (typeof port !== 'number') throw invalidType('options.port', 'a number', port);
  portOf('options.port', port, 0);
}

/** Returns `port` if it is one. @throws TypeError (`ERR_INVALID_ARG_TYPE`), RangeError (`ERR_SOCKET_BAD_PORT`), also when it is absent */
export function portOf(name: string, port: unknown, least: 0 | 1): number {
  if (port !== undefined && typeof port !== 'number') throw invalidType(name, 'a number', port);
  if (Number.isInteger(port) && port! >= least && port! <= 65535) return port!;
  const message = `${name} should be ${least === 0 ? '>= 0' : '> 0'} and < 65536. Received ${String(port)}.`;
  throw Object.assign(new RangeError(message), { code: 'ERR_SOCKET_BAD_PORT' });
}
