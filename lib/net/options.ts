import { isIPv6 } from 'node:net';

import { booleanOf, INT_MAX, integerIn, invalidType, numberIn } from '../internal/arguments.js';
import { failSocket } from './failure.js';
import { netGetOption, netSetOptions } from './native.js';

/**
 * Options of a TCP or UDP connection that can be changed at any time: `socket.setOptions`. `connect` sets them before it connects;
 * sockets that a listener accepts have those of `listen`. An option that is absent is left as it is.
 */
export interface SocketOptions {
  /** TCP: small writes are sent at once, instead of waiting for those before them to arrive (TCP_NODELAY). On at first. */
  noDelay?: boolean;
  /** Ask a silent peer whether it still exists (SO_KEEPALIVE). */
  keepAlive?: boolean;
  /** TCP: milliseconds of silence before the first question; 0 leaves the system's two hours (TCP_KEEPIDLE, in whole seconds). */
  keepAliveInitialDelay?: number;
  /** TCP: milliseconds from one question to the next (TCP_KEEPINTVL, in whole seconds). */
  keepAliveInterval?: number;
  /** TCP: the connection is broken after so many questions without an answer (TCP_KEEPCNT). */
  keepAliveCount?: number;
  /** TCP: milliseconds that sent bytes may stay unacknowledged before the connection is broken (TCP_USER_TIMEOUT). */
  userTimeout?: number;
  /**
   * TCP: bytes that the system keeps unsent before a write has to wait (TCP_NOTSENT_LOWAT). A small number keeps what is written
   * late up to date; nothing is sent more slowly.
   */
  notSentLowWater?: number;
  /** Bytes of the system's buffer for received data (SO_RCVBUF); the system doubles it for its own needs. */
  recvBufferSize?: number;
  /** The same for data to send (SO_SNDBUF). */
  sendBufferSize?: number;
  /** 0 to 255, for the IP header: DSCP and ECN (IP_TOS, IPV6_TCLASS). */
  typeOfService?: number;
}

// Linux has the same numbers on x64 and arm64.
export const SOL_SOCKET = 1;
export const IPPROTO_IP = 0;
export const IPPROTO_TCP = 6;
export const IPPROTO_IPV6 = 41;
export const SO_REUSEADDR = 2;
export const SO_BROADCAST = 6;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_REUSEPORT = 15;
export const IPV6_V6ONLY = 26;
const TCP_NODELAY = 1;
export const TCP_DEFER_ACCEPT = 9;
export const TCP_FASTOPEN = 23;
export const TCP_FASTOPEN_CONNECT = 30;
const IP_TOS = 1;
const IPV6_TCLASS = 67;

/** Of the options that count seconds in 16 bits. */
export const MOST_SECONDS = 32767;

interface Kind {
  level: number;
  name: number;
  /** The number for the system; throws for what is no value of this option. */
  encode: (value: never, name: string) => number;
  decode: (value: number) => unknown;
}

const flag = (level: number, name: number): Kind => ({
  level, name, encode: (value: boolean, option) => Number(booleanOf(option, value)), decode: (value) => value !== 0,
});
const whole = (level: number, name: number, least: number, most: number): Kind => ({
  level, name, encode: (value: number, option) => integerIn(option, value, least, most), decode: (value) => value,
});
/** Milliseconds, which the system counts in seconds, one at least. */
const seconds = (name: number): Kind => ({
  level: IPPROTO_TCP,
  name,
  encode: (value: number, option) => Math.max(1, Math.floor(numberIn(option, value, 0, MOST_SECONDS * 1000) / 1000)),
  decode: (value) => value * 1000,
});

const KINDS = {
  noDelay: flag(IPPROTO_TCP, TCP_NODELAY),
  keepAlive: flag(SOL_SOCKET, 9),
  keepAliveInitialDelay: seconds(4),
  keepAliveInterval: seconds(5),
  keepAliveCount: whole(IPPROTO_TCP, 6, 1, 127),
  userTimeout: whole(IPPROTO_TCP, 18, 0, INT_MAX),
  notSentLowWater: whole(IPPROTO_TCP, 25, 1, INT_MAX),
  recvBufferSize: whole(SOL_SOCKET, SO_RCVBUF, 1, INT_MAX),
  sendBufferSize: whole(SOL_SOCKET, SO_SNDBUF, 1, INT_MAX),
  typeOfService: whole(IPPROTO_IP, IP_TOS, 0, 255),
} satisfies Record<keyof SocketOptions, Kind>;

/** The names of all options of {@link SocketOptions}. */
export const OPTION_NAMES = Object.keys(KINDS) as (keyof SocketOptions)[];

/** What is set on a socket of this kind: of a Unix socket only what does not belong to TCP or IP. */
export type Transport = 'IPv4' | 'IPv6' | 'Unix';

/** Level, name and value of each option, for the native calls. @throws TypeError, RangeError for wrong values */
export function encodeOptions(options: SocketOptions, transport: Transport): number[] {
  const list: number[] = [];
  for (const key of OPTION_NAMES) {
    const value = options[key];
    if (value === undefined) continue;
    const kind: Kind = KINDS[key];
    const number = kind.encode(value as never, `options.${key}`);
    // As Node does: the system's default.
    if (key === 'keepAliveInitialDelay' && value === 0) continue;
    if (transport === 'Unix' && kind.level !== SOL_SOCKET) continue;
    list.push(kind.level, kind.name, number);
    if (key === 'typeOfService' && transport === 'IPv6') list.push(IPPROTO_IPV6, IPV6_TCLASS, number);
  }
  return list;
}

/** For one option of the system. */
export const triple = (level: number, name: number, value: number | boolean): number[] => [level, name, Number(value)];

/** Sets options on a socket that exists. */
export function setOptions(handle: number, list: number[], operation: string): void {
  const result = netSetOptions(handle, Int32Array.from(list));
  if (result < 0) failSocket(handle, result, operation, 'setsockopt');
}

const cell = new Int32Array(1);

/** The value of an option as the system keeps it. */
export function getNumber(handle: number, level: number, name: number, operation: string): number {
  const result = netGetOption(handle, level, name, cell);
  if (result < 0) failSocket(handle, result, operation, 'getsockopt');
  return cell[0]!;
}

/** All options of {@link SocketOptions} that a socket of this kind has. */
export function readOptions(handle: number, transport: Transport, operation: string): SocketOptions {
  const found: Record<string, unknown> = {};
  for (const key of OPTION_NAMES) {
    const kind: Kind = KINDS[key];
    if (transport === 'Unix' && kind.level !== SOL_SOCKET) continue;
    const ofIpv6 = key === 'typeOfService' && transport === 'IPv6';
    const [level, name] = ofIpv6 ? [IPPROTO_IPV6, IPV6_TCLASS] : [kind.level, kind.name];
    found[key] = kind.decode(getNumber(handle, level, name, operation));
  }
  return found;
}

/** @throws TypeError (`ERR_INVALID_ARG_TYPE`) */
export function blockListOf(list: unknown): BlockListLike | undefined {
  if (list === undefined) return undefined;
  if (typeof (list as BlockListLike | null)?.check !== 'function') throw invalidType('options.blockList', 'a net.BlockList', list);
  return list as BlockListLike;
}

/** Whether `list` has a numeric address, whose zone does not count. */
export function isBlocked(list: BlockListLike, address: string): boolean {
  return list.check(address.replace(/%.*/, ''), isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** What is used of `net.BlockList`. */
export interface BlockListLike {
  /** Whether the address is on the list. */
  check(address: string, family?: 'ipv4' | 'ipv6'): boolean;
}
