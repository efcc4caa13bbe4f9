import { integerIn, invalidType, invalidValue } from '../internal/arguments.js';
import { checkpoint, type ParkOptions } from '../internal/parking.js';
import { EndOfStreamError, ReadLimitError } from './errors.js';
import type { Surplus } from './surplus.js';

/** Reads that need more or fewer bytes than arrive at once: for sockets, and for every other source through `Reader`. */

/** The default limit of `readLine` and `readUntil`. */
const USUAL_LIMIT = 64 * 1024;
/**
 * Up to this size `readExactly` reads all that has arrived and keeps the rest; larger pieces are read into their own buffer.
 */
const MOST_GATHERED = 16 * 1024;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** The options of `readLine` and `readUntil`. */
export interface DelimiterOptions extends ParkOptions {
  /** The most bytes up to the end of the delimiter; beyond: `ReadLimitError`. Default 65536. */
  limit?: number;
}

export const DELIMITED = new Set(['signal', 'limit']);

/** Where bytes come from. Several coroutines may read from it at the same time. */
export interface Supply {
  /** What was received and not yet returned to a caller. */
  readonly surplus: Surplus;
  /** Receives bytes into the surplus; false at the end of the stream. Parks. */
  receive(operation: string): boolean;
  /** Receives bytes into a buffer, behind `offset`; 0 at the end of the stream. Parks. */
  receiveInto(buffer: Buffer, offset: number, operation: string): number;
  /** Throws when it is closed. */
  ensureOpen(operation: string): void;
}

/** Exactly `n` bytes. Parks. */
export function exactly(supply: Supply, n: number, operation: string): Buffer {
  checkpoint(operation);
  const { surplus } = supply;
  if (n > MOST_GATHERED && surplus.length < n) return fill(supply, n, operation);
  while (surplus.length < n) {
    if (!supply.receive(operation) && surplus.length < n) throw new EndOfStreamError(operation, n, surplus.length);
  }
  supply.ensureOpen(operation);
  return surplus.take(n);
}

/** {@link exactly} for more bytes than the surplus has, received without a copy. Parks. */
function fill(supply: Supply, n: number, operation: string): Buffer {
  supply.ensureOpen(operation);
  const { surplus } = supply;
  const target = Buffer.allocUnsafeSlow(n);
  let filled = surplus.length;
  surplus.copyTo(target, filled);
  try {
    while (filled < n) {
      const got = supply.receiveInto(target, filled, operation);
      if (got === 0) throw new EndOfStreamError(operation, n, filled);
      filled += got;
    }
  } catch (error) {
    // The bytes that have arrived must not be lost.
    surplus.putBack(target.subarray(0, filled));
    throw error;
  }
  return target;
}

/** The first `n` bytes, which stay, or all there are at the end of the stream. Parks. */
export function ahead(supply: Supply, n: number, operation: string): Buffer {
  checkpoint(operation);
  const { surplus } = supply;
  while (surplus.length < n && supply.receive(operation));
  supply.ensureOpen(operation);
  return surplus.copyOf(Math.min(n, surplus.length));
}

/** The text up to the next line feed; null at the end of the stream. Parks. */
export function line(supply: Supply, limit: number | undefined, operation: string): string | null {
  const { surplus } = supply;
  let length = find(supply, LINE_FEED, 1, limit, operation);
  if (length === 0) return null;
  const whole = length;
  if (surplus.at(length - 1) === LINE_FEED) {
    length--;
    if (length > 0 && surplus.at(length - 1) === CARRIAGE_RETURN) length--;
  }
  const text = surplus.text(length);
  surplus.drop(whole);
  return text;
}

/** The bytes up to the end of the next `delimiter`; null at the end of the stream. Parks. */
export function until(
  supply: Supply,
  delimiter: string | Uint8Array | number,
  limit: number | undefined,
  operation: string,
): Buffer | null {
  let wanted: Buffer | number;
  if (typeof delimiter === 'number') wanted = integerIn('delimiter', delimiter, 0, 255);
  else if (typeof delimiter === 'string') wanted = Buffer.from(delimiter);
  else if (delimiter instanceof Uint8Array) wanted = Buffer.from(delimiter);
  else throw invalidType('delimiter', 'a string, a Uint8Array or a number', delimiter);
  if (typeof wanted !== 'number' && wanted.length === 0) throw invalidValue('delimiter', 'not empty', delimiter);
  const length = find(supply, wanted, typeof wanted === 'number' ? 1 : wanted.length, limit, operation);
  return length === 0 ? null : supply.surplus.take(length);
}

/** Receives until `delimiter`; returns the length up to its end, or of all bytes at the end of the stream. Parks. */
function find(supply: Supply, delimiter: Buffer | number, width: number, most: number | undefined, operation: string): number {
  const { surplus } = supply;
  const limit = most ?? USUAL_LIMIT;
  if (most !== undefined) integerIn('options.limit', limit, 1, Number.MAX_SAFE_INTEGER);
  checkpoint(operation);
  let searched = 0;
  let ended = false;
  for (;;) {
    supply.ensureOpen(operation);
    const length = surplus.length;
    const taken = surplus.taken;
    if (length >= width) {
      const found = surplus.indexOf(delimiter, searched);
      if (found >= 0 && found + width <= limit) return found + width;
      if (found >= 0 || length >= limit) throw new ReadLimitError(operation, limit);
      searched = length - width + 1;
    }
    if (ended) return surplus.length;
    // At the end it searches once more: another coroutine may have received bytes and not yet taken them.
    ended = !supply.receive(operation);
    // Another coroutine has taken bytes, so `searched` is no longer valid.
    if (surplus.taken !== taken) searched = 0;
  }
}
