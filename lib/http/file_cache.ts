import { stat, type File } from '../fs.js';
import { httpNow, httpPolls } from './native.js';
import type { PreparedResponse } from './response.js';

/** Properties of a file that change when its content does. */
export interface Stamp {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** An open file that the cache and responses share. Each user calls `close`; the last closes the file. */
export class SharedFile {
  private users = 1;

  constructor(private readonly file: File) {}

  get fd(): number {
    return this.file.fd;
  }

  /** Adds a user. */
  share(): this {
    this.users++;
    return this;
  }

  close(): void {
    if (--this.users === 0) this.file.close();
  }
}

/** What responses need of a file that was read or opened. */
export interface Entry {
  readonly stamp: Stamp;
  readonly etag: string;
  readonly lastModified: string;
  /** Header lines of a 200, 206 or 404, without Content-Range. */
  readonly lines: string;
  /** Header lines of a 304. */
  readonly linesUnchanged: string;
  /** The content of a small file. */
  readonly body: Buffer | undefined;
  /** A large file, which stays open. */
  readonly file: SharedFile | undefined;
  /** The response to nearly every request, if there is a body. */
  readonly whole: PreparedResponse;
}

interface Slot {
  /** The file's path. */
  readonly path: string;
  readonly entry: Entry;
  /** Requested since eviction last passed over it. */
  used: boolean;
  /** When the file was last checked: the number of polls before, and the time in milliseconds. */
  poll: number;
  checkedAt: number;
}

/**
 * A file that changed less than this before it is read may change again with the same times: the kernel's clock for them
 * moves in steps of up to 10 ms.
 */
export const SETTLED_MS = 100;
/** Counted for each entry besides its body: keys, lines and bookkeeping. */
export const ENTRY_BYTES = 1024;
/** How often open files that were not requested since the last check are closed, because they may have been deleted. */
const IDLE_MS = 60_000;

export function sameFile(a: Stamp, b: Stamp): boolean {
  return a.mtimeMs === b.mtimeMs && a.size === b.size && a.ctimeMs === b.ctimeMs && a.ino === b.ino && a.dev === b.dev;
}

/** Files by name, in bounded memory. Eviction is a clock (second chance): files not requested since its last round go first. */
export class FileCache {
  private readonly slots = new Map<string, Slot>();
  private bytes = 0;
  private now = 0;
  private nowOf = -1;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly mostBytes: number,
    private readonly revalidateMs: number,
  ) {}

  /**
   * The entry for `name`, if the file has not changed since; checks the file when that is due, and may park then.
   *
   * @param arrival the poll before which the request had arrived. Of requests from one poll, the first checks the file for
   *   all of them, because the check is later than each of their arrivals.
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
      // Another coroutine may have removed it, and closed the file, while this one was parked.
      if (!same || this.slots.get(name) !== slot) return undefined;
      slot.poll = poll;
      slot.checkedAt = now;
    }
    slot.used = true;
    return slot.entry;
  }

  /** @param poll the result of `httpPolls` before the file was checked */
  add(name: string, path: string, entry: Entry, poll: number): void {
    const size = sizeOf(entry);
    if (size > this.mostBytes || Date.now() - Math.max(entry.stamp.ctimeMs, entry.stamp.mtimeMs) < SETTLED_MS) return;
    const before = this.slots.get(name);
    if (before) this.remove(name, before);
    this.slots.set(name, { path, entry, used: false, poll, checkedAt: httpNow() });
    if (entry.file) {
      entry.file.share();
      this.idleTimer ??= setInterval(() => { this.closeIdle(); }, IDLE_MS).unref();
    }
    this.bytes += size;
    while (this.bytes > this.mostBytes) this.evict();
  }

  /** The time, read once for all requests that arrived together. */
  private nowAt(arrival: number): number {
    if (arrival !== this.nowOf) {
      this.nowOf = arrival;
      this.now = httpNow();
    }
    return this.now;
  }

  private evict(): void {
    for (const [name, slot] of this.slots) {
      if (!slot.used) {
        this.remove(name, slot);
        return;
      }
      this.slots.delete(name);
      slot.used = false;
      this.slots.set(name, slot);
    }
  }

  private closeIdle(): void {
    for (const [name, slot] of this.slots) {
      if (!slot.used) this.remove(name, slot);
      slot.used = false;
    }
    if (this.slots.size > 0) return;
    clearInterval(this.idleTimer);
    this.idleTimer = undefined;
  }

  private remove(name: string, slot: Slot): void {
    // Another coroutine may have removed it while this one waited for the disk.
    if (this.slots.get(name) !== slot) return;
    this.slots.delete(name);
    this.bytes -= sizeOf(slot.entry);
    slot.entry.file?.close();
  }
}

function sizeOf(entry: Entry): number {
  return ENTRY_BYTES + (entry.body?.length ?? 0);
}
