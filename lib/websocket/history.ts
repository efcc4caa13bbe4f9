const FIRST_ROOM = 1024;

/**
 * The last bytes of what was compressed, or decompressed, to which the next message may refer. It takes as much memory as has been said so
 * far, up to a quarter more than the window: then what is new is put behind, and the rest moves only now and then.
 */
export class History {
  private bytes = Buffer.alloc(0);
  private end = 0;
  private readonly size: number;

  constructor(windowBits: number) {
    this.size = 2 ** windowBits;
  }

  /** What it has; it changes with the next call of `add`. Undefined when there is nothing. */
  get window(): Buffer | undefined {
    return this.end === 0 ? undefined : this.bytes.subarray(Math.max(0, this.end - this.size), this.end);
  }

  /** Bytes that were said, whole messages in their order. */
  add(said: Uint8Array): void {
    const { size } = this;
    const added = said.length > size ? said.subarray(said.length - size) : said;
    if (this.end + added.length > this.bytes.length) this.makeRoom(added.length);
    this.bytes.set(added, this.end);
    this.end += added.length;
  }

  private makeRoom(wanted: number): void {
    const kept = Math.min(this.end, this.size - wanted);
    const most = this.size + this.size / 4;
    const needed = kept + wanted;
    const room = Math.max(this.bytes.length, Math.min(most, Math.max(FIRST_ROOM, 2 * needed)));
    // A view of it may be in use by a thread that compresses: its memory is not written to.
    const moved = room === this.bytes.length ? this.bytes : Buffer.allocUnsafeSlow(room);
    this.bytes.copy(moved, 0, this.end - kept, this.end);
    this.bytes = moved;
    this.end = kept;
  }
}
