/// <reference types="node" preserve="true" />
/**
 * Queries of `node:dns` that wait in a coroutine: the same arguments, results and errors. Coroutines that ask the same at the same
 * time share one query.
 *
 * @module stackful/dns
 */

export { configure, type CacheOptions, type DnsOptions, type RecordWithTtl } from './dns/cache.js';
export { lookup, lookupService, type LookupAddress, type LookupOptions } from './dns/lookup.js';
export {
  resolve, resolve4, resolve6, resolveAny, resolveCaa, resolveCname, resolveMx, resolveNaptr, resolveNs, resolvePtr, resolveSoa,
  resolveSrv, resolveTlsa, resolveTxt, reverse, type RecordsOf, type RecordType, type ResolveOptions, type TlsaRecord,
} from './dns/resolve.js';
