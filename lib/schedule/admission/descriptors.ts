import { sleep } from '../../coroutine/sleep.js';
import { current, running } from '../../internal/current.js';
import { native } from '../../internal/native.js';
import { readdirSync, readFileSync, statSync } from '../../internal/originals.js';
import { simulating } from '../../internal/simulating.js';

/** Descriptors are counted anew after so many milliseconds, and whenever they seem to be short. */
const COUNTED_FOR_MS = 20;
/** The parts of the limit that are kept free, and the most of each: connections that come leave some to what those have to open. */
const KEPT = { accept: [0.1, 256], open: [0.02, 16] } as const;
/** How often one that waits looks again, and how long a call that would fail is put off, in milliseconds. */
const PAUSE_MS = 5;
const PATIENCE_MS = 1000;
const HERE = '/proc/self/fd';

/** What a descriptor is for: a connection that comes, or something that the program opens. */
export type Purpose = keyof typeof KEPT;

function limitOfProcess(): number {
  const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return found ? Number(found[1]) : Infinity;
}

/** Linux tells the number since 6.2. */
function countOpen(): number {
  return statSync(HERE).size || readdirSync(HERE).length;
}

/** How many descriptors the process has left. */
export class Descriptors {
  /** Calls that have waited. */
  waits = 0;
  private readonly limit = limitOfProcess();
  private left = 0;
  private countedAt = -Infinity;

  /** Whether there are so few that a call for this purpose should wait. If not, it counts as made. */
  areShort(purpose: Purpose): boolean {
    const short = this.seem(purpose);
    if (!short) this.left--;
    return short;
  }

  /** The same without a call. */
  seem(purpose: Purpose): boolean {
    const [part, most] = KEPT[purpose];
    const kept = Math.min(this.limit * part, most);
    const now = performance.now();
    if (now - this.countedAt > COUNTED_FOR_MS || (this.left <= kept && now - this.countedAt > 1)) {
      this.left = this.limit - countOpen();
      this.countedAt = now;
    }
    return this.left <= kept;
  }

  /**
   * Waits until there are some again, for a second at most: then the call may fail as it would have done. Where the caller cannot wait
   * it does nothing. Parks.
   */
  await(purpose: Purpose): void {
    if (!current() || simulating.on || running[1]! < 0) return;
    for (let waited = 0; waited < PATIENCE_MS && this.areShort(purpose); waited += PAUSE_MS) {
      if (native.mayPark() < 0) return;
      if (waited === 0) this.waits++;
      sleep(PAUSE_MS);
    }
  }
}
