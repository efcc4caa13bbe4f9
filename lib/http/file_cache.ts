import type { Stats } from 'node:fs';

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
}

interface Slot {
  readonly entry: Entry;
  /** Asked for since it was last passed over for eviction. */
  used: boolean;
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

/** Small files by path, in bounded memory. Whatever has not been asked for since the last round goes first. */
export class FileCache {
  private readonly slots = new Map<string, Slot>();
  private bytes = 0;

  constructor(
    private readonly mostBytes: number,
    private readonly revalidateMs: number,
  ) {}

  /** The entry for a path, if it needs no check; `stat` gives what the file is now, or throws. May park there. */
  get(path: string, stat: (path: string) => Stats): Entry | undefined {
    const slot = this.slots.get(path);
    if (!slot) return undefined;
    const now = this.revalidateMs > 0 ? performance.now() : 0;
    if (this.revalidateMs === 0 || now - slot.checkedAt >= this.revalidateMs) {
      let same = false;
      try {
        same = sameFile(slot.entry.stamp, stat(path));
      } finally {
        if (!same) this.remove(path, slot);
      }
      if (!same) return undefined;
      slot.checkedAt = now;
    }
    slot.used = true;
    return slot.entry;
  }

  add(path: string, entry: Entry): void {
    const size = sizeOf(entry);
    if (size > this.mostBytes || Date.now() - Math.max(entry.stamp.ctimeMs, entry.stamp.mtimeMs) < SETTLED_MS) return;
    const before = this.slots.get(path);
    if (before) this.remove(path, before);
    this.slots.set(path, { entry, used: false, checkedAt: performance.now() });
    this.bytes += size;
    while (this.bytes > this.mostBytes) this.evict();
  }

  private evict(): void {
    for (const [path, slot] of this.slots) {
      this.slots.delete(path);
      if (!slot.used) {
        this.bytes -= sizeOf(slot.entry);
        return;
      }
      slot.used = false;
      this.slots.set(path, slot);
    }
  }

  private remove(path: string, slot: Slot): void {
    // Another coroutine may have done it while this one was waiting for the disk.
    if (this.slots.get(path) !== slot) return;
    this.slots.delete(path);
    this.bytes -= sizeOf(slot.entry);
  }
}

function sizeOf(entry: Entry): number {
  return ENTRY_BYTES + (entry.body?.length ?? 0);
}
