import { stat } from '../fs.js';
import { httpPolls } from './native.js';
import type { PreparedResponse } from './response.js';

/** What tells one state of a file from another. */
export interface Stamp {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** A file that has been looked at: all that its responses are made of, except the body of a large one. */
export interface Entry {
  readonly stamp: Stamp;
  readonly etag: string;
  readonly lastModified: string;
  /** Header lines of a 200, 206 or 404, without Content-Range. */
  readonly lines: string;
  /** Header lines of a 304. */
  readonly linesUnchanged: string;
  readonly body: Buffer | undefined;
  /** The response to nearly every request, if there is a body. */
  readonly whole: PreparedResponse;
}

interface Slot {
  /** Where the file system has it. */
  readonly path: string;
  readonly entry: Entry;
  /** Asked for since it was last passed over for eviction. */
  used: boolean;
  /** When the file system was last asked: the number of polls there had been, and in milliseconds. */
  poll: number;
  checkedAt: number;
}

/**
 * A file whose last change is as recent as this when it is read may change again without its times showing it: the
 * kernel's clock for them moves in steps of up to 10 ms.
 */
const SETTLED_MS = 100;
/** Besides its body, an entry is counted with this for keys, lines and bookkeeping. */
const ENTRY_BYTES = 1024;

export function sameFile(a: Stamp, b: Stamp): boolean {
  return a.mtimeMs === b.mtimeMs && a.size === b.size && a.ctimeMs === b.ctimeMs && a.ino === b.ino && a.dev === b.dev;
}

/** Small files by name, in bounded memory. Whatever has not been asked for since the last round goes first. */
export class FileCache {
  private readonly slots = new Map<string, Slot>();
  private bytes = 0;
  private now = 0;
  private nowOf = -1;

  constructor(
    private readonly mostBytes: number,
    private readonly revalidateMs: number,
  ) {}

  /**
   * The entry for `name`, if the file has not changed since; asks the file system when that is due, and may park then.
   *
   * @param arrival the poll before which the request had arrived. Of requests that one poll brought, the first has the
   *   file system asked for all of them: what it says then is later than each of their arrivals.
   */
  get(name: string, arrival: number): Entry | undefined {
    const slot = this.slots.get(name);
    if (!slot) return undefined;
    if (slot.poll < arrival && (this.revalidateMs === 0 || this.nowAt(arrival) - slot.checkedAt >= this.revalidateMs)) {
      const poll = httpPolls();
      const now = this.revalidateMs === 0 ? 0 : this.nowAt(arrival);
      let same = false;
      try {
        same = sameFile(slot.entry.stamp, stat(slot.path));
      } finally {
        if (!same) this.remove(name, slot);
      }
      if (!same) return undefined;
      slot.poll = poll;
      slot.checkedAt = now;
    }
    slot.used = true;
    return slot.entry;
  }

  /** `poll` is what `httpPolls` gave before the file was looked at. */
  add(name: string, path: string, entry: Entry, poll: number): void {
    const size = sizeOf(entry);
    if (size > this.mostBytes || Date.now() - Math.max(entry.stamp.ctimeMs, entry.stamp.mtimeMs) < SETTLED_MS) return;
    const before = this.slots.get(name);
    if (before) this.remove(name, before);
    this.slots.set(name, { path, entry, used: false, poll, checkedAt: performance.now() });
    this.bytes += size;
    while (this.bytes > this.mostBytes) this.evict();
  }

  /** The time, read once for all requests that arrived together. */
  private nowAt(arrival: number): number {
    if (arrival !== this.nowOf) {
      this.nowOf = arrival;
      this.now = performance.now();
    }
    return this.now;
  }

  private evict(): void {
    for (const [name, slot] of this.slots) {
      this.slots.delete(name);
      if (!slot.used) {
        this.bytes -= sizeOf(slot.entry);
        return;
      }
      slot.used = false;
      this.slots.set(name, slot);
    }
  }

  private remove(name: string, slot: Slot): void {
    // Another coroutine may have done it while this one was waiting for the disk.
    if (this.slots.get(name) !== slot) return;
    this.slots.delete(name);
    this.bytes -= sizeOf(slot.entry);
  }
}

function sizeOf(entry: Entry): number {
  return ENTRY_BYTES + (entry.body?.length ?? 0);
}
