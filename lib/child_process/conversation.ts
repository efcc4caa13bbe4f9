import { failSocket } from '../net/failure.js';
import { netRead } from '../net/native.js';
import { readiness } from '../internal/readiness.js';
import type { Child } from './child.js';
import { childFeed } from './native.js';
import type { ChildPipe } from './pipe.js';

const CHUNK = 64 * 1024;
/** So many chunks of an endless output, then the time is looked at. */
const MOST_CHUNKS = 16;

/** One output, as far as it has come. */
export class Gathered {
  readonly chunks: Buffer[] = [];
  length = 0;
  open = true;
  /** There may be more: nothing tells so again. */
  more = false;

  constructor(readonly pipe: ChildPipe) {}

  /** Takes what is there; false when that is more than `most` bytes, of which it keeps so many. Parks now and then. */
  take(most: number): boolean {
    this.more = false;
    for (let i = 0; this.open && readiness.netReady(this.pipe.handle, false) !== 0; i++) {
      if (i === MOST_CHUNKS) {
        this.more = true;
        break;
      }
      const chunk = netRead(this.pipe.handle, CHUNK);
      if (typeof chunk === 'number') {
        if (chunk < 0) failSocket(this.pipe.handle, chunk, 'child_process.execFile', 'read');
        this.open = false;
        break;
      }
      this.length += chunk.length;
      if (this.length > most) {
        this.chunks.push(chunk.subarray(0, most - (this.length - chunk.length)));
        return false;
      }
      this.chunks.push(chunk);
    }
    return true;
  }

  as(encoding: BufferEncoding | undefined): string | Buffer {
    const all = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
    return encoding === undefined ? all : all.toString(encoding);
  }
}

/** Feeds a child and takes what it writes, both at the same time: each could wait for the other otherwise. */
export abstract class Conversation {
  private fed = 0;
  protected feeding: boolean;

  constructor(
    protected readonly child: Child,
    private readonly input: Uint8Array | undefined,
    private readonly gathered: readonly Gathered[],
  ) {
    this.feeding = input !== undefined;
  }

  /** Pairs for `netSelect`. */
  protected waitedFor(): number[] {
    const pairs = this.gathered.flatMap(({ open, pipe }) => (open ? [pipe.handle, 0] : []));
    if (this.feeding) pairs.push(this.child.stdin!.handle, 1);
    return pairs;
  }

  protected feed(): void {
    const stdin = this.child.stdin!;
    while (this.feeding && this.fed < this.input!.length) {
      if (readiness.netReady(stdin.handle, true) === 0) return;
      const result = childFeed(stdin.handle, this.input!, this.fed);
      if (result < 0) {
        this.feedFailed(result);
        break;
      }
      this.fed += result;
    }
    this.stopFeeding();
  }

  /** What a failed write means; nothing more is written if this returns. */
  protected abstract feedFailed(code: number): void;

  protected stopFeeding(): void {
    if (!this.feeding) return;
    this.feeding = false;
    this.child.stdin!.close();
  }
}
