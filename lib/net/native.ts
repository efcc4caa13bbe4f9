import '../internal/buffers.js';
import { native } from '../internal/native.js';

/** What native/binding/net*.cc exports. Sockets and listeners are numbers, errors negative ones. */
interface NetNative {
  /** `port` -1 makes the host the path of a Unix socket. */
  netListen: (host: string, port: number, backlog: number, reusePort: boolean) => number;
  netConnect: (host: string, port: number, ms: number) => number;
  netAccept: (listener: number) => number;
  netClose: (socket: number) => void;
  netAddress: (
    socket: number,
    ofPeer: boolean,
  ) => [host: string, port: number, family: 4 | 6 | 0] | undefined;

  netRead: (socket: number, max: number) => Buffer | number;
  netReadInto: (socket: number, to: Uint8Array, offset: number, length: number) => number;
  netWrite: (socket: number, data: string | Uint8Array) => number;
  netWritev: (socket: number, parts: readonly (string | Uint8Array)[]) => number;
  netSendFile: (socket: number, fd: number, offset: number, length: number) => number;
  netEnd: (socket: number) => number;
}

export const {
  netListen,
  netConnect,
  netAccept,
  netClose,
  netAddress,
  netRead,
  netReadInto,
  netWrite,
  netWritev,
  netSendFile,
  netEnd,
} = native as unknown as NetNative;

/** The number of a closed socket. */
export const CLOSED = -1;

/** Codes besides system errors: native/binding/net.h. */
export const KERNEL_TIMED_OUT = -10101;
export const SOCKET_BROKEN = -10102;
