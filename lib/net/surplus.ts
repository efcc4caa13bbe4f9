const EMPTY = Buffer.alloc(0);

/**
 * Bytes that were received and not yet asked for: what came behind a delimiter, or in front of one to come.
 */
export class Surplus {
  private bytes: Buffer = EMPTY;
  private start = 0;
  private end = 0;
  /** Whether what lies behind `end` in `bytes` is ours to write to. */
  private owned = false;
  /** How many bytes have ever been taken out. */
  taken = 0;

  get length(): number {
    return this.end - this.start;
  }

  /** Takes over `chunk`, without a copy when there was nothing before. */
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
      // Never moved within its memory: what was taken before is a view of it.
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
    // Bytes behind `end` are not ours to look at, but looking no further costs a view.
    const bytes = this.end === this.bytes.length ? this.bytes : this.bytes.subarray(0, this.end);
    const found = bytes.indexOf(delimiter, this.start + from);
    return found < 0 ? -1 : found - this.start;
  }
}
