import { booleanOf, INT_MAX, integerIn, numberIn } from '../internal/arguments.js';
import {
  blockListOf, encodeOptions, IPPROTO_IPV6, IPPROTO_TCP, IPV6_V6ONLY, MOST_SECONDS, OPTION_NAMES, TCP_DEFER_ACCEPT, TCP_FASTOPEN, triple,
  type BlockListLike, type SocketOptions, type Transport,
} from './options.js';

/** The options of a listening socket; those of {@link SocketOptions} are for the connections that it accepts. */
export interface ListenerOptions extends SocketOptions {
  /** IPv6 only, not IPv4 as well. Default false. */
  ipv6Only?: boolean;
  /**
   * TCP: a connection is accepted when its first bytes have come, so that the coroutine that serves it need not wait for them; after so
   * many milliseconds also without (TCP_DEFER_ACCEPT, in whole seconds). 0, the default: at once.
   */
  deferAccept?: number;
  /**
   * TCP: how many connections may wait whose first bytes came with the request to connect (TCP_FASTOPEN). The system has to allow it:
   * the 2 in `net.ipv4.tcp_fastopen`, which is not set at first. Such a request may come twice, and be accepted twice. 0, the default:
   * none.
   */
  fastOpen?: number;
  /** Connections from these addresses are closed at once: a `net.BlockList`. */
  blockList?: BlockListLike;
  /** False: when the peer of a connection has ended its stream, so does the read that finds the end. Default true, unlike `node:net`. */
  allowHalfOpen?: boolean;
  /** Unix: all users may read the socket's file. Default false. */
  readableAll?: boolean;
  /** Unix: all users may connect. Default false. */
  writableAll?: boolean;
}

export const LISTEN_OPTION_NAMES = [
  'ipv6Only', 'deferAccept', 'fastOpen', 'blockList', 'allowHalfOpen', 'readableAll', 'writableAll', ...OPTION_NAMES,
];

/** Level, name and value of each. @throws TypeError, RangeError for wrong values */
export function encodeListenOptions(options: ListenerOptions, transport: Transport): number[] {
  for (const key of ['ipv6Only', 'allowHalfOpen', 'readableAll', 'writableAll'] as const) {
    if (options[key] !== undefined) booleanOf(`options.${key}`, options[key]);
  }
  blockListOf(options.blockList);
  const { deferAccept = 0, fastOpen = 0 } = options;
  const seconds = Math.ceil(numberIn('options.deferAccept', deferAccept, 0, MOST_SECONDS * 1000) / 1000);
  integerIn('options.fastOpen', fastOpen, 0, INT_MAX);
  const list = encodeOptions(options, transport);
  if (transport === 'Unix') return list;
  if (seconds > 0) list.push(...triple(IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds));
  if (fastOpen > 0) list.push(...triple(IPPROTO_TCP, TCP_FASTOPEN, fastOpen));
  if (options.ipv6Only && transport === 'IPv6') list.push(...triple(IPPROTO_IPV6, IPV6_V6ONLY, 1));
  return list;
}
