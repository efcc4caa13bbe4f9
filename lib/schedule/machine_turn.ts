import { constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { sleep } from '../coroutine/sleep.js';
import { native } from '../internal/native.js';
import { closeSync, fstatSync, openSync } from '../internal/originals.js';
import { simulating } from '../internal/simulating.js';

/** How often one that waits looks, in milliseconds. */
const LOOK_MS = 25;
/** How long a turn is kept while another one wants it, in milliseconds. */
export const TURN_MS = 500;
/** One that has the turn and is silent for so long, in milliseconds, is taken for one that waits for something else itself. */
export const SILENT_MS = 2_000;
/** The same for the thread that is next: it may be in a process that is stopped. */
const LONGEST_WAIT_MS = 60_000;

/** A lock that all threads and processes of a user on this machine share. It ends with whoever has it. */
class SharedLock {
  private fd: number | undefined;

  constructor(private readonly name: string) {}

  /** @throws what Node throws, where the file cannot be made, or somebody else has made it */
  tryTake(): boolean {
    this.fd ??= this.open();
    return native.tryLockFile(this.fd, true) === 0;
  }

  release(): void {
    if (this.fd !== undefined) native.tryLockFile(this.fd, false);
  }

  private open(): number {
    const user = process.getuid!();
    const path = join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), `stackful-low-importance-${String(user)}.${this.name}`);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    if (fstatSync(fd).uid === user) return fd;
    closeSync(fd);
    throw new Error(`${path} is another user's`);
  }
}

/**
 * The turn of a thread's low-importance coroutines among those of all threads and processes of the user on this machine: two locks.
 *
 *   without     this thread has neither lock           take -> waiting; in simulated time, and where files cannot be locked, it stays so
 *   waiting     for the lock "next", then for "turn"   got both -> held; waited for too long, or cancelled -> without
 *   held        has the lock "turn"                    release -> without
 *
 * One that holds the turn sees by the lock "next" whether another thread waits. Without a turn coroutines go on all the same: it only
 * keeps them from taking each other for a disturbance.
 */
export class MachineTurn {
  private readonly turn = new SharedLock('turn');
  private readonly next = new SharedLock('next');
  private stage: 'without' | 'waiting' | 'held' = 'without';
  private since = 0;
  private usable = true;

  /** Parks until this thread has the turn, or has waited for it for too long. @param waits called now and then meanwhile */
  take(waits: () => void): void {
    if (this.stage !== 'without' || !this.usable || simulating.on) return;
    this.stage = 'waiting';
    let held = false;
    try {
      if (this.wait(this.next, LONGEST_WAIT_MS, waits)) {
        try {
          held = this.wait(this.turn, TURN_MS + SILENT_MS, waits);
        } finally {
          this.next.release();
        }
      }
    } finally {
      this.stage = held ? 'held' : 'without';
    }
    this.since = native.now();
  }

  /** Whether the thread has had it for long enough, and another one waits for it. */
  get isOver(): boolean {
    if (this.stage !== 'held' || native.now() - this.since < TURN_MS) return false;
    if (!this.next.tryTake()) return true;
    this.next.release();
    this.since = native.now();
    return false;
  }

  release(): void {
    if (this.stage !== 'held') return;
    this.turn.release();
    this.stage = 'without';
  }

  private wait(lock: SharedLock, longest: number, waits: () => void): boolean {
    const end = native.now() + longest;
    while (!this.tryTake(lock)) {
      if (!this.usable || native.now() >= end) return false;
      waits();
      sleep(LOOK_MS);
    }
    return true;
  }

  private tryTake(lock: SharedLock): boolean {
    try {
      return lock.tryTake();
    } catch {
      // No directory to write in, or a file that is not ours: regulation goes on by thread.
      this.usable = false;
      return false;
    }
  }
}
