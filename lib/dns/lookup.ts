import dns from 'node:dns';

import { invalidValue } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';
import { ask } from './query.js';

/** Options of {@link lookup}: those of `dns.promises.lookup`, and `signal`. */
export interface LookupOptions extends ParkOptions {
  /** 4 or 6 for addresses of one family only; 0, the default, for both. */
  family?: 0 | 4 | 6 | 'IPv4' | 'IPv6';
  /** `dns.ADDRCONFIG`, `dns.V4MAPPED`, `dns.ALL`, or several of them joined by `|`. */
  hints?: number;
  /** All addresses instead of the first. Default false. */
  all?: boolean;
  /** Which family comes first. Default: that of `dns.getDefaultResultOrder()`. */
  order?: 'ipv4first' | 'ipv6first' | 'verbatim';
  /** False: the same as `order: 'ipv4first'`. */
  verbatim?: boolean;
}

/** An address of a host. */
export interface LookupAddress {
  /** Numeric. */
  address: string;
  /** Of IPv4 or IPv6. */
  family: 4 | 6;
}

const KNOWN = new Set(['family', 'hints', 'all', 'order', 'verbatim', 'signal']);

/**
 * The address of a host as the system finds it (`getaddrinfo`): in `/etc/hosts`, by DNS, or however else it is told to.
 * Coroutines that look the same name up at the same time share one query. Parks.
 *
 * Node has four threads for these queries, which `UV_THREADPOOL_SIZE` changes. The wait ends at once when it is interrupted; the
 * query cannot be withdrawn, and keeps its thread until the system answers.
 *
 * @returns an address; with `all`, a list of them
 * @throws the system's error with Node's code (`ENOTFOUND`, `EAI_AGAIN`, ...); TypeError (`ERR_INVALID_ARG_TYPE`,
 *   `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`), NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError
 *   (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { lookup } from 'stackful/dns';
 *
 * console.log(await spawn(() => lookup('127.0.0.1').family)); // 4
 * const all = await spawn(() => lookup('localhost', { all: true }));
 * console.log(all.length > 0); // true
 * ```
 */
export function lookup(hostname: string, options: LookupOptions & { all: true }): LookupAddress[];
export function lookup(hostname: string, options?: 4 | 6 | (LookupOptions & { all?: false })): LookupAddress;
export function lookup(hostname: string, options?: 0 | 4 | 6 | LookupOptions): LookupAddress | LookupAddress[];
export function lookup(hostname: string, options: 0 | 4 | 6 | LookupOptions = {}): LookupAddress | LookupAddress[] {
  if (hostname === '') throw invalidValue('hostname', 'a name or an address', hostname);
  const given = typeof options === 'number' ? { family: options } : options;
  knownOptions('dns.lookup', given, KNOWN);
  const { signal, ...asked } = given;
  const { family, hints, all, order = dns.getDefaultResultOrder(), verbatim } = asked;
  return ask('dns.lookup', hostname, [family, hints, all, order, verbatim], (done) => {
    dns.lookup(hostname, asked as dns.LookupOptions, (error, found, foundFamily) => {
      done(error, all ? found : { address: found, family: foundFamily });
    });
  }, signal && { signal });
}

/**
 * The names of a host and of a service (`getnameinfo`). Parks.
 *
 * @param address a numeric address
 * @param port 0 to 65535
 * @throws the system's error with Node's code; TypeError (`ERR_INVALID_ARG_VALUE`), RangeError (`ERR_SOCKET_BAD_PORT`); the
 *   interruptions of {@link lookup}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { lookupService } from 'stackful/dns';
 *
 * const nameOf = (address: string) => spawn(() => lookupService(address, 443).hostname);
 * ```
 */
export function lookupService(address: string, port: number, options?: ParkOptions): { hostname: string; service: string } {
  return ask('dns.lookupService', address, [port], (done) => {
    dns.lookupService(address, port, (error, hostname, service) => { done(error, { hostname, service }); });
  }, options);
}
