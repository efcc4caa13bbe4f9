import { invalidType, numberIn } from '../internal/arguments.js';
import { refuseUnknown } from './known.js';

/** A server's limits on its clients. Sizes in bytes, times in milliseconds; `Infinity` is allowed except where noted. */
export interface Limits {
  /** Request line and headers together; beyond: 431. At most 65535. Default 16 KiB. */
  headBytes?: number;
  /** Number of headers; beyond: 431. At most 256. Default 100. */
  headerCount?: number;
  /** The request target; beyond: 414. Default 8 KiB. */
  targetBytes?: number;
  /** A request body; beyond, reading it throws (413). Default 1 MiB. `readBody(max)` sets it for one request. */
  bodyBytes?: number;
  /** For the first byte of a new connection; beyond, it is closed without a response. Default 30 s. */
  firstByteMs?: number;
  /** The same after a request, for the first byte of the next. Default 75 s. */
  idleMs?: number;
  /** From the first byte of a head to its last; beyond: 408. Default 10 s. */
  headMs?: number;
  /** From the end of a head to the last byte of its body; beyond, reading the body throws (408). Default 300 s. */
  requestMs?: number;
  /** How long a body may stop, or stay slower than `slowestBytesPerSecond`; beyond: 408. Default 30 s. */
  bodyMs?: number;
  /**
   * The same for a client that reads its response; beyond, the connection is closed. Bytes count when the client's system
   * has acknowledged them. Default 30 s.
   */
  sendMs?: number;
  /**
   * For a client that has sent the end of its stream during its request: it may have left, or only half-closed and wait for
   * the response. After this time without a byte sent to it, it counts as gone, and its handler is cancelled; see
   * `request.signal`. 0: at once. Default 5 s.
   */
  halfClose?: number;
  /** The rate of bodies and responses, in bytes a second, from which they count as not slow. At least 1. Default 1024. */
  slowestBytesPerSecond?: number;
}

/**
 * When a server that cannot keep up refuses requests. A request waits while others run. When for `intervalMs` every request
 * has waited more than half of `delayMs`, those that have waited longer than `delayMs` are answered with 503 and
 * `Retry-After: 1`, without a call of the handler, until one has waited half of `delayMs` or less.
 */
export interface Shedding {
  /**
   * The longest wait that is accepted, in milliseconds; measured to 1 ms. It should be several times what a handler computes
   * without parking: otherwise little more than one request can wait at a time. Default 20.
   */
  delayMs?: number;
  /** How long a queue may stand, in milliseconds; shorter bursts and pauses are ignored. Default 100. */
  intervalMs?: number;
}

/** Native code has 32 bits for milliseconds: 49 days stand for `Infinity`. */
const LONGEST = 2 ** 32 - 1;
const MOST_BODY = Number.MAX_SAFE_INTEGER;

/** What each may be. The defaults stand in native/http/server.h. */
const RANGES: Record<keyof Limits, readonly [least: number, most: number]> = {
  headBytes: [64, 65535],
  headerCount: [1, 256],
  targetBytes: [1, 65535],
  bodyBytes: [0, MOST_BODY],
  firstByteMs: [1, LONGEST],
  idleMs: [1, LONGEST],
  headMs: [1, LONGEST],
  requestMs: [1, LONGEST],
  bodyMs: [1, LONGEST],
  sendMs: [1, LONGEST],
  slowestBytesPerSecond: [1, LONGEST],
  halfClose: [0, LONGEST],
};

/** What native code is given: {@link Limits} and {@link Shedding} by name, without `Infinity`. */
export type GivenLimits = Limits & { shedDelayMs?: number; shedIntervalMs?: number };

/** A limit on a body, in bytes, with `Infinity` as a number that native code can take. */
export function bodyLimit(name: string, bytes: number): number {
  return numberIn(name, bytes === Infinity ? MOST_BODY : bytes, 0, MOST_BODY);
}

function givenShedding(shed: boolean | Shedding): GivenLimits {
  if (shed === false) return {};
  if (shed !== true && (typeof shed !== 'object' || shed === null)) throw invalidType('options.shed', 'a boolean or an object', shed);
  const { delayMs = 20, intervalMs } = shed === true ? {} : shed;
  if (shed !== true) refuseUnknown('options.shed', shed, ['delayMs', 'intervalMs']);
  return {
    shedDelayMs: numberIn('options.shed.delayMs', delayMs, 1, LONGEST),
    shedIntervalMs: intervalMs === undefined ? undefined : numberIn('options.shed.intervalMs', intervalMs, 1, LONGEST),
  };
}

export function givenLimits(limits: Limits = {}, shed: boolean | Shedding = false): GivenLimits {
  if (typeof limits !== 'object' || limits === null) throw invalidType('options.limits', 'an object', limits);
  const names = Object.keys(RANGES) as (keyof Limits)[];
  refuseUnknown('options.limits', limits, names);
  const given = givenShedding(shed);
  for (const name of names) {
    const limit = limits[name];
    if (limit === undefined) continue;
    const [least, most] = RANGES[name];
    const bounded = limit === Infinity && (most === LONGEST || most === MOST_BODY) ? most : limit;
    given[name] = Math.floor(numberIn(`options.limits.${name}`, bounded, least, most));
  }
  return given;
}
