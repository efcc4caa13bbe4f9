import { invalidType, numberIn } from '../internal/arguments.js';

/** What a server puts up with. Sizes in bytes, times in milliseconds; `Infinity` is allowed except where noted. */
export interface Limits {
  /** Request line and headers together; beyond: 431. At most 65535. Default 16 KiB. */
  headBytes?: number;
  /** Number of headers; beyond: 431. At most 256. Default 100. */
  headerCount?: number;
  /** The request target; beyond: 414. Default 8 KiB. */
  targetBytes?: number;
  /** A request body; beyond, reading it throws (413). Default 1 MiB. `readBody(max)` sets it for one request. */
  bodyBytes?: number;
  /** A new connection without a first byte for so long is closed, without a word. Default 30 s. */
  firstByteMs?: number;
  /** The same for one that has had a request before. Default 75 s. */
  idleMs?: number;
  /** From the first byte of a head to its last; beyond: 408. Default 10 s. */
  headMs?: number;
  /** From the end of a head to the last byte of its body; beyond, reading the body throws (408). Default 300 s. */
  requestMs?: number;
  /** Patience with a body that stops arriving or arrives slower than `slowestBytesPerSecond`; beyond: 408. Default 30 s. */
  bodyMs?: number;
  /**
   * The same with a client that does not take its response; beyond, the connection is closed. What counts is what the
   * client's system has acknowledged. Default 30 s.
   */
  sendMs?: number;
  /** Bytes a second, of bodies and of responses, that use up no patience. At least 1. Default 1024. */
  slowestBytesPerSecond?: number;
}

/**
 * When a server refuses requests because it cannot keep up with them. A request waits while others have their turn; when
 * for `intervalMs` none got its own within half of `delayMs`, those that have waited longer than `delayMs` are answered
 * with 503 and `Retry-After: 1` before anything is done for them, until one has waited half of `delayMs` or less.
 */
export interface Shedding {
  /**
   * The longest wait that is put up with, in milliseconds; measured to 1 ms. Several times what a handler computes without
   * parking: otherwise little more than one request waits at a time. Default 20.
   */
  delayMs?: number;
  /** How long a queue may stand; bursts and pauses that are shorter go unnoticed. Default 100. */
  intervalMs?: number;
}

const KIB = 1024;
/** Milliseconds are 32 bits wide below: 49 days stand for ever. */
const LONGEST = 2 ** 32 - 1;
const MOST_BODY = Number.MAX_SAFE_INTEGER;

/** Name, default, least, most; in the order in which native/binding/http.cc reads them. */
const TABLE: readonly (readonly [name: keyof Limits, usual: number, least: number, most: number])[] = [
  ['headBytes', 16 * KIB, 64, 65535],
  ['headerCount', 100, 1, 256],
  ['targetBytes', 8 * KIB, 1, 65535],
  ['bodyBytes', KIB * KIB, 0, MOST_BODY],
  ['idleMs', 75_000, 1, LONGEST],
  ['headMs', 10_000, 1, LONGEST],
  ['bodyMs', 30_000, 1, LONGEST],
  ['sendMs', 30_000, 1, LONGEST],
  ['firstByteMs', 30_000, 1, LONGEST],
  ['requestMs', 300_000, 1, LONGEST],
  ['slowestBytesPerSecond', KIB, 1, LONGEST],
];

/** A limit on a body, with `Infinity` as a number that fits below. */
export function bodyLimit(name: string, bytes: number): number {
  return numberIn(name, bytes === Infinity ? MOST_BODY : bytes, 0, MOST_BODY);
}

function sheddingNumbers(shed: boolean | Shedding): number[] {
  if (typeof shed === 'boolean') return shed ? [20, 100] : [0, 100];
  if (typeof shed !== 'object' || shed === null) throw invalidType('options.shed', 'a boolean or an object', shed);
  const { delayMs = 20, intervalMs = 100 } = shed;
  return [numberIn('options.shed.delayMs', delayMs, 1, LONGEST), numberIn('options.shed.intervalMs', intervalMs, 1, LONGEST)];
}

export function limitNumbers(limits: Limits | undefined, shed: boolean | Shedding = false): number[] {
  if (limits !== undefined && (typeof limits !== 'object' || limits === null)) {
    throw invalidType('options.limits', 'an object', limits);
  }
  const numbers = TABLE.map(([name, usual, least, most]) => {
    const given = limits?.[name] ?? usual;
    const bounded = given === Infinity && (most === LONGEST || most === MOST_BODY) ? most : given;
    return Math.floor(numberIn(`options.limits.${name}`, bounded, least, most));
  });
  return [...numbers, ...sheddingNumbers(shed)];
}
