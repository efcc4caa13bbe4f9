import dns from 'node:dns';

import { oneOf } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';
import { recall, remember, type RecordWithTtl } from './cache.js';
import { ask } from './query.js';

/** Options of {@link resolve4} and {@link resolve6}. */
export interface ResolveOptions extends ParkOptions {
  /** Whether to return each address with its TTL in seconds. Default false. */
  ttl?: boolean;
}

/** A domain certificate of a TLS server, RFC 6698. */
export interface TlsaRecord {
  /** What the certificate is to be: 0 or 2 an authority's, 1 or 3 the server's own. */
  certUsage: number;
  /** What of the certificate is compared: 0 all of it, 1 its public key. */
  selector: number;
  /** How `data` holds it: 0 as it is, 1 its SHA-256, 2 its SHA-512. */
  match: number;
  /** What is compared. */
  data: ArrayBuffer;
}

type Done = (error: NodeJS.ErrnoException | null, value: unknown) => void;
type Query = (hostname: string, done: Done) => void;

const KNOWN_ADDRESSES = new Set(['ttl', 'signal']);
const TYPES = ['A', 'AAAA', 'ANY', 'CAA', 'CNAME', 'MX', 'NAPTR', 'NS', 'PTR', 'SOA', 'SRV', 'TLSA', 'TXT'] as const;

/** The kinds of records that {@link resolve} asks for. */
export type RecordType = (typeof TYPES)[number];

function query<T>(name: string, hostname: string, options: ParkOptions | undefined, start: Query | undefined): T {
  if (!start) throw Object.assign(new Error(`dns.${name}: this Node has no such query`), { code: 'ENOTIMP' });
  return ask(`dns.${name}`, hostname, [], (done) => { start(hostname, done); }, options);
}

function addresses(name: 'resolve4' | 'resolve6', hostname: string, options: ResolveOptions = {}): (string | RecordWithTtl)[] {
  knownOptions(`dns.${name}`, options, KNOWN_ADDRESSES);
  const question = `${name} ${String(hostname).toLowerCase()}`;
  const { ttl = false, signal } = options;
  let records = recall(question);
  if (!records) {
    const start = (done: Done) => { dns[name](hostname, { ttl: true }, done); };
    records = ask<RecordWithTtl[]>(`dns.${name}`, hostname, [], start, signal && { signal });
    remember(question, records);
  }
  return ttl ? records : records.map(({ address }) => address);
}

/**
 * The IPv4 addresses of a name in DNS. All functions `resolve*` ask the servers of `dns.getServers()`, not the system, and share
 * the answer to a question among the coroutines that ask it at the same time. Parks, unless the answer is kept: see
 * {@link configure}.
 *
 * @throws an error with a code of `node:dns` (`ENOTFOUND`, `ENODATA`, `ESERVFAIL`, `ETIMEOUT`, ...); TypeError
 *   (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError
 *   (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolve4 } from 'stackful/dns';
 *
 * const addresses = (name: string) => spawn(() => resolve4(name));
 * const freshFor = (name: string) => spawn(() => Math.min(...resolve4(name, { ttl: true }).map(({ ttl }) => ttl)));
 * ```
 */
export function resolve4(hostname: string, options: ResolveOptions & { ttl: true }): RecordWithTtl[];
export function resolve4(hostname: string, options?: ResolveOptions & { ttl?: false }): string[];
export function resolve4(hostname: string, options?: ResolveOptions): (string | RecordWithTtl)[];
export function resolve4(hostname: string, options?: ResolveOptions): (string | RecordWithTtl)[] {
  return addresses('resolve4', hostname, options);
}

/**
 * The IPv6 addresses of a name in DNS; see {@link resolve4}. Parks, unless the answer is kept.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolve6 } from 'stackful/dns';
 *
 * const addresses = (name: string) => spawn(() => resolve6(name));
 * ```
 */
export function resolve6(hostname: string, options: ResolveOptions & { ttl: true }): RecordWithTtl[];
export function resolve6(hostname: string, options?: ResolveOptions & { ttl?: false }): string[];
export function resolve6(hostname: string, options?: ResolveOptions): (string | RecordWithTtl)[];
export function resolve6(hostname: string, options?: ResolveOptions): (string | RecordWithTtl)[] {
  return addresses('resolve6', hostname, options);
}

/**
 * The records of all kinds that the server tells, each with its `type`. Parks.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolveAny } from 'stackful/dns';
 *
 * const kinds = (domain: string) => spawn(() => resolveAny(domain).map(({ type }) => type));
 * ```
 */
export function resolveAny(hostname: string, options?: ParkOptions): dns.AnyRecord[] {
  return query('resolveAny', hostname, options, dns.resolveAny);
}

/**
 * Which certificate authorities may issue certificates for a name. Parks.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolveCaa } from 'stackful/dns';
 *
 * const allowed = (domain: string) => spawn(() => resolveCaa(domain).map(({ issue }) => issue));
 * ```
 */
export function resolveCaa(hostname: string, options?: ParkOptions): dns.CaaRecord[] {
  return query('resolveCaa', hostname, options, dns.resolveCaa);
}

/**
 * The names that a name is an alias of. Parks.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolveCname } from 'stackful/dns';
 *
 * const aliasOf = (name: string) => spawn(() => resolveCname(name)[0]);
 * ```
 */
export function resolveCname(hostname: string, options?: ParkOptions): string[] {
  return query('resolveCname', hostname, options, dns.resolveCname);
}

/**
 * The mail servers of a domain; the least `priority` comes first for mail. Parks.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolveMx } from 'stackful/dns';
 *
 * const mailServers = (domain: string) => spawn(() => resolveMx(domain).sort((a, b) => a.priority - b.priority));
 * ```
 */
export function resolveMx(hostname: string, options?: ParkOptions): dns.MxRecord[] {
  return query('resolveMx', hostname, options, dns.resolveMx);
}

/**
 * The rules by which a name is rewritten, RFC 3403. Parks.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolveNaptr } from 'stackful/dns';
 *
 * const rules = (name: string) => spawn(() => resolveNaptr(name));
 * ```
 */
export function resolveNaptr(hostname: string, options?: ParkOptions): dns.NaptrRecord[] {
  return query('resolveNaptr', hostname, options, dns.resolveNaptr);
}

/**
 * The name servers of a domain. Parks.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolveNs } from 'stackful/dns';
 *
 * const nameServers = (domain: string) => spawn(() => resolveNs(domain));
 * ```
 */
export function resolveNs(hostname: string, options?: ParkOptions): string[] {
  return query('resolveNs', hostname, options, dns.resolveNs);
}

/**
 * The names that a pointer record holds. Parks.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolvePtr } from 'stackful/dns';
 *
 * const names = (pointer: string) => spawn(() => resolvePtr(pointer)); // '1.2.0.192.in-addr.arpa'
 * ```
 */
export function resolvePtr(hostname: string, options?: ParkOptions): string[] {
  return query('resolvePtr', hostname, options, dns.resolvePtr);
}

/**
 * The record of authority of a zone. Parks.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolveSoa } from 'stackful/dns';
 *
 * const serial = (zone: string) => spawn(() => resolveSoa(zone).serial);
 * ```
 */
export function resolveSoa(hostname: string, options?: ParkOptions): dns.SoaRecord {
  return query('resolveSoa', hostname, options, dns.resolveSoa);
}

/**
 * Where a service of a domain is offered. Parks.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolveSrv } from 'stackful/dns';
 *
 * const servers = (domain: string) => spawn(() => resolveSrv(`_xmpp-client._tcp.${domain}`));
 * ```
 */
export function resolveSrv(hostname: string, options?: ParkOptions): dns.SrvRecord[] {
  return query('resolveSrv', hostname, options, dns.resolveSrv);
}

/**
 * The certificates that a TLS server may have, RFC 6698. Node has it from 22.15 and 23.9; before, it throws `ENOTIMP`. Parks.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolveTlsa } from 'stackful/dns';
 *
 * const certificates = (name: string) => spawn(() => resolveTlsa(`_443._tcp.${name}`));
 * ```
 */
export function resolveTlsa(hostname: string, options?: ParkOptions): TlsaRecord[] {
  return query('resolveTlsa', hostname, options, (dns as { resolveTlsa?: Query }).resolveTlsa);
}

/**
 * The texts of a name, each in the chunks in which it was sent. Parks.
 *
 * @throws as {@link resolve4}
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolveTxt } from 'stackful/dns';
 *
 * const texts = (name: string) => spawn(() => resolveTxt(name).map((chunks) => chunks.join('')));
 * ```
 */
export function resolveTxt(hostname: string, options?: ParkOptions): string[][] {
  return query('resolveTxt', hostname, options, dns.resolveTxt);
}

/**
 * The names of a numeric address. Parks.
 *
 * @throws as {@link resolve4}; an error with the code `EINVAL` for what is no address
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { reverse } from 'stackful/dns';
 *
 * const names = (address: string) => spawn(() => reverse(address));
 * ```
 */
export function reverse(address: string, options?: ParkOptions): string[] {
  return query('reverse', address, options, dns.reverse);
}

const BY_TYPE: { [Type in RecordType]: (hostname: string, options?: ParkOptions) => RecordsOf<Type> } = {
  A: resolve4, AAAA: resolve6, ANY: resolveAny, CAA: resolveCaa, CNAME: resolveCname, MX: resolveMx, NAPTR: resolveNaptr,
  NS: resolveNs, PTR: resolvePtr, SOA: resolveSoa, SRV: resolveSrv, TLSA: resolveTlsa, TXT: resolveTxt,
};

/** What {@link resolve} returns for a kind of records. */
export type RecordsOf<Type extends RecordType> =
  Type extends 'ANY' ? dns.AnyRecord[] : Type extends 'CAA' ? dns.CaaRecord[] : Type extends 'MX' ? dns.MxRecord[]
  : Type extends 'NAPTR' ? dns.NaptrRecord[] : Type extends 'SOA' ? dns.SoaRecord : Type extends 'SRV' ? dns.SrvRecord[]
  : Type extends 'TLSA' ? TlsaRecord[] : Type extends 'TXT' ? string[][] : string[];

/**
 * The records of one kind that a name has: `resolve(name, 'MX')` is `resolveMx(name)`. Parks.
 *
 * @throws as {@link resolve4}; TypeError (`ERR_INVALID_ARG_VALUE`) for another kind
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { resolve } from 'stackful/dns';
 *
 * const texts = (name: string) => spawn(() => resolve(name, 'TXT'));
 * ```
 */
export function resolve<Type extends RecordType = 'A'>(hostname: string, type?: Type, options?: ParkOptions): RecordsOf<Type> {
  return BY_TYPE[oneOf('type', type ?? 'A', TYPES) as Type](hostname, options);
}
