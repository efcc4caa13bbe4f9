import '../internal/buffers.js';
import { native } from '../internal/native.js';
import { seam } from '../internal/outside.js';

/** An address of IPv4 as a number of 32 bits, one of IPv6 as text. */
export type Host = number | string;

/** The exports of native/binding/net*.cc. Sockets and listeners are numbers, errors negative ones. */
interface NetNative {
  /** `port` -1 makes the host the path of a Unix socket. */
  netListen: (host: string, port: number, backlog: number, reusePort: boolean, options: Int32Array) => number;
  netConnect: (
    host: string, port: number, options: Int32Array, localHost: string | undefined, localPort: number,
  ) => number;
  netAccept: (listener: number) => number;
  netClose: (socket: number) => void;
  netAddress: (
    socket: number,
    ofPeer: boolean,
  ) => [host: string, port: number, family: 4 | 6 | 0] | undefined;

  // A call that receives returns EAGAIN after netLookAgain: bytes are in the surplus, perhaps.
  netRead: (socket: number, max: number) => Buffer | number;
  netReadInto: (socket: number, to: Uint8Array, offset: number, length: number) => number;
  netWrite: (socket: number, data: string | Uint8Array, more: boolean) => number;
  netWritev: (socket: number, parts: readonly (string | Uint8Array)[]) => number;
  /** A write was given up in the middle: those that follow fail with SOCKET_BROKEN. */
  netBreak: (socket: number) => void;
  netSendFile: (socket: number, fd: number, offset: number, length: number) => number;
  netEnd: (socket: number) => number;
  netLookAgain: (socket: number) => void;

  netSetOptions: (socket: number, triples: Int32Array) => number;
  netGetOption: (socket: number, level: number, name: number, into: Int32Array) => number;
  netMembership: (socket: number, join: boolean, group: string, networkInterface: string, source: string | undefined) => number;
  netMulticastInterface: (socket: number, networkInterface: string) => number;
  netDescriptor: (socket: number) => number;
  netAdopt: (fd: number, listening: boolean) => number;
  netCredentials: (socket: number) => [pid: number, uid: number, gid: number] | number;
  netSendDescriptors: (socket: number, data: Uint8Array, descriptors: Int32Array) => number;
  netReceiveDescriptors: (socket: number, max: number) => [data: Buffer, lost: boolean, ...descriptors: number[]] | number;
  netPipe: (from: number, to: number, most: number, told: Float64Array) => number;

  udpOpen: (ipv6: boolean, triples: Int32Array) => number;
  udpBind: (socket: number, host: Host, port: number) => number;
  udpConnect: (socket: number, host: Host | undefined, port: number) => number;
  udpSend: (socket: number, data: string | Uint8Array, host: Host | undefined, port: number) => number;
  udpSendMany: (socket: number, data: Uint8Array[], hosts: (Host | undefined)[], ports: number[]) => number;
  /** 0: ask again, others have run meanwhile. */
  udpReceive: (socket: number) => (Buffer | Host)[] | number;
  /** One datagram to a Unix socket; an abstract path begins with a zero byte. */
  unixSend: (path: string, text: string) => number;
  netFlush: (socket: number) => number;
  netBuffered: (socket: number) => number;
  netFlushError: (socket: number) => number;
}

const originals = native as unknown as NetNative;

export let {
  netListen, netConnect, netAccept, netBreak, netClose, netAddress, netRead, netReadInto, netWrite, netWritev, netSendFile,
  netEnd, netLookAgain, netFlush, netSetOptions, netGetOption, netMembership, netMulticastInterface, netDescriptor,
  netAdopt, netCredentials, netSendDescriptors, netReceiveDescriptors, netPipe, udpOpen, udpBind, udpConnect,
  udpSend, udpSendMany, udpReceive, unixSend, netBuffered, netFlushError,
} = originals;

seam('net', originals, (calls) => {
  ({
    netListen, netConnect, netAccept, netBreak, netClose, netAddress, netRead, netReadInto, netWrite, netWritev, netSendFile,
    netEnd, netLookAgain, netFlush, netSetOptions, netGetOption, netMembership, netMulticastInterface, netDescriptor,
    netAdopt, netCredentials, netSendDescriptors, netReceiveDescriptors, netPipe, udpOpen, udpBind, udpConnect,
    udpSend, udpSendMany, udpReceive, unixSend, netBuffered, netFlushError,
  } = calls);
});

/** The number of a closed socket. */
export const CLOSED = -1;
