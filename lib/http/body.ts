import type { Exchange } from './exchange.js';
import { checkBody } from './errors.js';

const KIB = 1024;
/** The most memory for a body on the word of its Content-Length; the buffer grows as bytes arrive. */
const FIRST_BYTES = 64 * KIB;
const CHUNK_BYTES = 16 * KIB;
const EMPTY = Buffer.alloc(0);

/**
 * The whole body of the request; `length` is its Content-Length, or -1. Parks.
 *
 * Its buffers are not slices of Node's pool: other code must not share memory that is being received into.
 */
export function readWhole(exchange: Exchange, length: number): Buffer {
  let buffer = Buffer.allocUnsafeSlow(length >= 0 ? Math.min(length, FIRST_BYTES) : CHUNK_BYTES);
  let filled = 0;
  while (filled !== length) {
    if (filled === buffer.length) {
      const more = Buffer.allocUnsafeSlow(length >= 0 ? Math.min(length, 4 * filled) : 2 * filled);
      buffer.copy(more, 0, 0, filled);
      buffer = more;
    }
    const n = checkBody(exchange.readBody(buffer, filled));
    if (n === 0) break;
    filled += n;
  }
  return filled === buffer.length ? buffer : buffer.subarray(0, filled);
}

/** The body in pieces of at most 16 KiB; `check` throws when the request is over. Each step parks. */
export function* readChunks(exchange: Exchange, check: () => void): Generator<Buffer, void, undefined> {
  let buffer = EMPTY;
  for (;;) {
    check();
    if (buffer.length === 0) buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const n = checkBody(exchange.readBody(buffer, 0));
    if (n === 0) return;
    // A small piece is copied, so that it does not keep a large buffer in memory, and the buffer is used again.
    if (n < CHUNK_BYTES / 4) {
      yield Buffer.from(buffer.subarray(0, n));
    } else {
      yield buffer.subarray(0, n);
      buffer = EMPTY;
    }
  }
}
