import { integerIn, invalidType, numberIn } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';

/** An address of DNS, and for how many seconds it may be used. */
export interface RecordWithTtl {
  /** Numeric. */
  address: string;
  /** In seconds. */
  ttl: number;
}

/** The limits of the cache; see {@link configure}. */
export interface CacheOptions {
  /** How many names it holds, those of IPv4 and IPv6 counted separately; beyond, the one kept longest goes. Default 1000. */
  entries?: number;
  /** The longest time that an answer is used, in seconds, whatever its TTL says. Default 300. */
  maxTtl?: number;
}

/** Options of {@link configure}. */
export interface DnsOptions {
  /** Whether to keep answers of `resolve4` and `resolve6`. `false`, the default, also forgets those that are kept. */
  cache?: boolean | CacheOptions;
}

interface Kept {
  records: readonly RecordWithTtl[];
  at: number;
  expires: number;
}

let limits: Required<CacheOptions> | undefined;
/** In the order in which they were asked. */
const kept = new Map<string, Kept>();
const now = () => performance.now() / 1_000;

/**
 * Sets whether answers are kept for as long as their TTL says. Off by default. Only `resolve4` and `resolve6` learn a TTL: the
 * system does not tell it to `lookup`, and caches on its own if it is set up so. Errors are not kept.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`)
 *
 * @example
 * ```ts
 * import { configure } from 'stackful/dns';
 *
 * configure({ cache: { entries: 10_000, maxTtl: 60 } });
 * ```
 */
export function configure(options: DnsOptions): void {
  knownOptions('dns.configure', options, new Set(['cache']));
  const { cache } = options;
  if (cache === undefined) return;
  if (cache !== null && typeof cache === 'object') {
    knownOptions('dns.configure cache', cache, new Set(['entries', 'maxTtl']));
    const { entries = 1_000, maxTtl = 300 } = cache;
    limits = {
      entries: integerIn('options.cache.entries', entries, 1, 2 ** 24),
      maxTtl: numberIn('options.cache.maxTtl', maxTtl, 0, Infinity),
    };
    forgetBeyond(limits.entries);
    return;
  }
  if (typeof cache !== 'boolean') throw invalidType('options.cache', 'a boolean or an object', cache);
  if (cache) return configure({ cache: {} });
  limits = undefined;
  kept.clear();
}

/** The answer kept for `question`, with what is left of its TTLs. @internal */
export function recall(question: string): RecordWithTtl[] | undefined {
  const entry = limits && kept.get(question);
  if (!entry) return undefined;
  const time = now();
  if (time >= entry.expires) {
    kept.delete(question);
    return undefined;
  }
  const age = Math.floor(time - entry.at);
  return entry.records.map(({ address, ttl }) => ({ address, ttl: Math.max(0, ttl - age) }));
}

/** Keeps an answer for as long as all of it may be used. @internal */
export function remember(question: string, records: readonly RecordWithTtl[]): void {
  if (!limits || records.length === 0) return;
  const seconds = Math.min(limits.maxTtl, ...records.map(({ ttl }) => ttl));
  if (seconds <= 0) return;
  const at = now();
  kept.delete(question);
  kept.set(question, { records: records.map((record) => ({ ...record })), at, expires: at + seconds });
  forgetBeyond(limits.entries);
}

function forgetBeyond(entries: number): void {
  for (const question of kept.keys()) {
    if (kept.size <= entries) return;
    kept.delete(question);
  }
}
