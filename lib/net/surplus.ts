const EMPTY = Buffer.alloc(0);

/**
 * Bytes that were received and not yet returned: those after a delimiter, or before one that has not arrived.
 */
export class Surplus {
  private bytes: Buffer = EMPTY;
  private start = 0;
  private end = 0;
  /** Whether `bytes` may be written behind `end`. */
  private owned = false;
  /** How many bytes were ever taken out. */
  taken = 0;

  get length(): number {
    return this.end - this.start;
  }

  /** Adds `chunk`, without a copy when it is the first. */
  add(chunk: Buffer): void {
    if (this.start === this.end) {
      this.bytes = chunk;
      this.start = 0;
      this.end = chunk.length;
      this.owned = false;
      return;
    }
    const length = this.length;
    if (!this.owned || this.bytes.length - this.end < chunk.length) {
      // Bytes are not moved within their memory, because buffers returned before are views of it.
      const grown = Buffer.allocUnsafeSlow(Math.max(2 * length, length + chunk.length, 1024));
      this.bytes.copy(grown, 0, this.start, this.end);
      this.bytes = grown;
      this.start = 0;
      this.end = length;
      this.owned = true;
    }
    chunk.copy(this.bytes, this.end);
    this.end += chunk.length;
  }

  /** Puts `chunk` back in front of everything. */
  putBack(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const rest = this.take(this.length);
    this.add(chunk);
    if (rest.length > 0) this.add(rest);
  }

  /** The first `n` bytes, which must be there. */
  take(n: number): Buffer {
    const taken = this.bytes.subarray(this.start, this.start + n);
    this.drop(n);
    return taken;
  }

  /** A copy of the first `n` bytes, which stay. */
  copyOf(n: number): Buffer {
    return Buffer.from(this.bytes.subarray(this.start, this.start + n));
  }

  drop(n: number): void {
    this.start += n;
    this.taken += n;
    if (this.start === this.end) {
      this.bytes = EMPTY;
      this.start = this.end = 0;
      this.owned = false;
    }
  }

  /** The first `n` bytes as text; they stay. */
  text(n: number): string {
    return this.bytes.toString('utf8', this.start, this.start + n);
  }

  at(i: number): number {
    return this.bytes[this.start + i]!;
  }

  copyTo(target: Uint8Array, n: number): void {
    this.bytes.copy(target, 0, this.start, this.start + n);
    this.drop(n);
  }

  /** Position of `delimiter` at or behind `from`, or -1. */
  indexOf(delimiter: Buffer | number, from: number): number {
    // The search must not go beyond `end`; a view, which costs time, only where bytes follow.
    const bytes = this.end === this.bytes.length ? this.bytes : this.bytes.subarray(0, this.end);
    const found = bytes.indexOf(delimiter, this.start + from);
    return found < 0 ? -1 : found - this.start;
  }
}
