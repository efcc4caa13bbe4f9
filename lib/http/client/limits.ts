import { INT_MAX, integerIn, invalidType, numberIn } from '../../internal/arguments.js';
import { knownOptions } from '../../internal/options.js';

/** Bounds on answers. Beyond: `ERR_HTTP_CLIENT_HEAD_TOO_LARGE`, `ERR_HTTP_CLIENT_BODY_TOO_LARGE`. */
export interface ClientLimits {
  /** Bytes of a head. Default 64 KiB. */
  headBytes?: number;
  /** Header lines of a head; 1024 at most. Default 256. */
  headerCount?: number;
  /** Bytes of a body, after decompression. Default: no limit. */
  bodyBytes?: number;
}

export const DEFAULT_LIMITS: Required<ClientLimits> = { headBytes: 64 * 1024, headerCount: 256, bodyBytes: Infinity };
const KNOWN = new Set(['headBytes', 'headerCount', 'bodyBytes']);
const MOST_HEAD_BYTES = 1024 * 1024;
const MOST_HEADERS = 1024;

export function limitsOf(given: ClientLimits | undefined, defaults: Required<ClientLimits>): Required<ClientLimits> {
  if (given === undefined) return defaults;
  if (typeof given !== 'object' || given as unknown === null) throw invalidType('options.limits', 'an object', given);
  knownOptions('options.limits', given, KNOWN);
  const { headBytes = defaults.headBytes, headerCount = defaults.headerCount, bodyBytes = defaults.bodyBytes } = given;
  integerIn('options.limits.headBytes', headBytes, 64, MOST_HEAD_BYTES);
  integerIn('options.limits.headerCount', headerCount, 1, MOST_HEADERS);
  numberIn('options.limits.bodyBytes', bodyBytes, 0, Infinity);
  return { headBytes, headerCount, bodyBytes };
}

/** A time in milliseconds for native code, where a negative one is no limit. */
export function milliseconds(name: string, ms: number): number {
  return ms === Infinity ? -1 : numberIn(name, ms, 1, INT_MAX);
}
