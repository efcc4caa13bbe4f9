import { isIP, isIPv6 } from 'node:net';

import { withSignal } from '../coroutine/signal.js';
import { booleanOf, functionOf, INT_MAX, integerIn, invalidType, invalidValue, oneOf } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';
import { admitting, awaitDescriptor } from '../schedule/admission.js';
import type { TlsSocket } from '../tls/socket.js';
import type { TlsClientOptions } from '../tls/terms.js';
import { checkEndpoint, type EndpointOptions } from './address.js';
import { dialFirst } from './dial_first.js';
import { AddressBlockedError } from './errors.js';
import { failSocket } from './failure.js';
import { addressesOf, type LookupFunction } from './host.js';
import { CLOSED, netConnect } from './native.js';
import {
  blockListOf, encodeOptions, IPPROTO_TCP, isBlocked, OPTION_NAMES, TCP_FASTOPEN_CONNECT, triple, type BlockListLike, type SocketOptions,
} from './options.js';
import { secure } from './secure.js';
import { Socket } from './socket.js';

/** The options of {@link connect}. */
export interface ConnectOptions extends EndpointOptions, ParkOptions, SocketOptions {
  /** The numeric address of this end. Default: the system chooses. */
  localAddress?: string;
  /** The port of this end. Default: the system chooses. */
  localPort?: number;
  /** Only addresses of IPv4 or IPv6. Default 0: both. */
  family?: 0 | 4 | 6;
  /** As `lookup` of `stackful/dns` takes them. */
  hints?: number;
  /** Looks the host up instead of `lookup` of `stackful/dns`; a function as `dns.lookup` is one. */
  lookup?: LookupFunction;
  /** Whether other addresses are tried when the first does not work. Default true. */
  autoSelectFamily?: boolean;
  /** Milliseconds after which the next address is tried, too; at least 10. Default 250. */
  autoSelectFamilyAttemptTimeout?: number;
  /** Addresses on this `net.BlockList` are not connected to. */
  blockList?: BlockListLike;
  /** False: when the peer has ended its stream, so does the read that finds the end. Default true, unlike `node:net`. */
  allowHalfOpen?: boolean;
  /**
   * TCP: where the peer has allowed it in an earlier connection, `connect` returns at once, and the first write goes out with the request
   * to connect (TCP_FASTOPEN_CONNECT). Then it is that write, or a read, that throws `ECONNREFUSED` and the like, no other address is
   * tried, and the peer may get that write twice. Default false.
   */
  fastOpen?: boolean;
  /** Speaks TLS, with the options of `connect` of `stackful/tls`; `true`: with none. The result is a TlsSocket. */
  tls?: TlsClientOptions | boolean;
}

const KNOWN = new Set([
  'port', 'host', 'path', 'signal', 'localAddress', 'localPort', 'family', 'hints', 'lookup', 'autoSelectFamily',
  'autoSelectFamilyAttemptTimeout', 'blockList', 'fastOpen', 'allowHalfOpen', 'tls', ...OPTION_NAMES,
]);
const ATTEMPT_MS = 250;
const LEAST_ATTEMPT_MS = 10;
const NONE = new Int32Array(0);

/**
 * Connects to a TCP port or a Unix socket; without `host`, to this machine. Of a host with several addresses it tries them in the
 * system's order, but IPv6 and IPv4 in turn; when one has not answered after 250 ms, or fails, it tries the next at the same time.
 * The first connection is returned, the other attempts are closed ("happy eyeballs", RFC 8305). Parks.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_SOCKET_BAD_PORT`,
 *   `ERR_OUT_OF_RANGE`), NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
 *   (`ERR_TIMEOUT`), the signal's reason, AddressBlockedError (`ERR_IP_BLOCKED`), the system's errors with Node's codes
 *   (`ECONNREFUSED`, `ENOTFOUND`, `ETIMEDOUT`, ...); an AggregateError with the code of the first when all of several addresses fail
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { connect, listen } from 'stackful/net';
 *
 * await spawn(() => {
 *   using listener = listen({ host: '127.0.0.1', port: 0 });
 *   spawn(() => {
 *     using accepted = listener.accept();
 *     accepted.writev(['got ', accepted.readExactly(5), '\n']);
 *   });
 *   using socket = connect({ host: '127.0.0.1', port: listener.address.port });
 *   socket.write('hello');
 *   console.log(socket.readLine()); // got hello
 *   console.log(socket.read()); // null
 * });
 * ```
 */
export function connect(options: ConnectOptions & { tls: TlsClientOptions | true }): TlsSocket;
export function connect(options: ConnectOptions): Socket;
export function connect(options: ConnectOptions): Socket {
  if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
  knownOptions('connect', options, KNOWN);
  checkEndpoint(options);
  const { path, port = -1, host, signal, tls } = options;
  if (tls) return secure().connect(tls === true ? {} : tls, { ...options, tls: undefined });
  const how = checked(options);
  if (signal) return withSignal(signal, () => connect({ ...options, signal: undefined }));
  if (path !== undefined) return dial(path, port, options);
  const addresses = addressesOf(host || 'localhost', options);
  const [first] = addresses;
  if (addresses.length === 1 || !how.all) return dial(first!, port, options);
  return dialFirst(addresses, how.attemptMs, (address) => dial(address, port, options));
}

/** @throws TypeError, RangeError for wrong values of the options */
function checked(options: ConnectOptions): { all: boolean; attemptMs: number } {
  const { localAddress, localPort, family, hints, lookup, blockList, fastOpen, allowHalfOpen } = options;
  const { autoSelectFamily = true, autoSelectFamilyAttemptTimeout = ATTEMPT_MS } = options;
  if (localAddress !== undefined && (typeof localAddress !== 'string' || isIP(localAddress) === 0)) {
    const name = typeof localAddress === 'string' ? localAddress : typeof localAddress;
    throw Object.assign(new TypeError(`Invalid IP address: ${name}`), { code: 'ERR_INVALID_IP_ADDRESS' });
  }
  if (localPort !== undefined) integerIn('options.localPort', localPort, 0, 65535);
  if (family !== undefined) oneOf('options.family', family, [0, 4, 6]);
  if (hints !== undefined) integerIn('options.hints', hints, 0, INT_MAX);
  if (lookup !== undefined) functionOf('options.lookup', lookup);
  if (fastOpen !== undefined) booleanOf('options.fastOpen', fastOpen);
  if (allowHalfOpen !== undefined) booleanOf('options.allowHalfOpen', allowHalfOpen);
  if (options.path !== undefined && (localAddress !== undefined || localPort !== undefined)) {
    throw invalidValue('options.path', 'absent when there is a localAddress or a localPort', options.path);
  }
  booleanOf('options.autoSelectFamily', autoSelectFamily);
  integerIn('options.autoSelectFamilyAttemptTimeout', autoSelectFamilyAttemptTimeout, 1, INT_MAX);
  blockListOf(blockList);
  encodeOptions(options, 'IPv4');
  return { all: autoSelectFamily, attemptMs: Math.max(LEAST_ATTEMPT_MS, autoSelectFamilyAttemptTimeout) };
}

/** Connects to one address, or a path if the port is -1. Parks. */
function dial(address: string, port: number, options: ConnectOptions): Socket {
  const { localPort, blockList, fastOpen } = options;
  const ipv6 = isIPv6(address);
  const unix = port < 0;
  if (blockList && !unix && isBlocked(blockList, address)) throw new AddressBlockedError(address);
  let { localAddress } = options;
  // A port of this end without an address: any.
  if (localPort !== undefined) localAddress ??= ipv6 ? '::' : '0.0.0.0';
  const list = encodeOptions(options, unix ? 'Unix' : ipv6 ? 'IPv6' : 'IPv4');
  if (fastOpen && !unix) list.push(...triple(IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1));
  const triples = list.length === 0 ? NONE : Int32Array.from(list);
  if (admitting) awaitDescriptor('open');
  const result = netConnect(address, port, triples, localAddress, localPort ?? 0);
  if (result >= 0) return new Socket(result, options.allowHalfOpen);
  return failSocket(CLOSED, result, 'connect', 'connect', unix ? { address } : { address, port });
}
