import { integerIn } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { checkpoint, WaitQueue, type ParkOptions } from '../internal/parking.js';
import { SharedObject } from './shared_object.js';

/**
 * Counts tasks under way, and lets coroutines wait until none is.
 *
 * @example
 * ```ts
 * import { sleep, spawn, WaitGroup } from 'stackful';
 *
 * const tasks = new WaitGroup();
 * for (const ms of [1, 2, 3]) {
 *   tasks.add();
 *   spawn(() => {
 *     try {
 *       sleep(ms);
 *     } finally {
 *       tasks.done();
 *     }
 *   });
 * }
 * await spawn(() => tasks.wait());
 * console.log(tasks.pending); // 0
 * ```
 */
export class WaitGroup extends SharedObject {
  private count = 0;
  private readonly waiters = new WaitQueue();

  /** @internal */
  override about(): object {
    return { pending: this.count };
  }

  /** How many tasks are under way. */
  get pending(): number {
    return this.count;
  }

  /**
   * Adds `n` tasks; a negative `n` removes as many. Never parks; callable anywhere.
   *
   * @throws RangeError (`ERR_OUT_OF_RANGE`) when the count would be negative; then nothing changes
   */
  add(n = 1): void {
    this.count += integerIn('n', n, -this.count, Number.MAX_SAFE_INTEGER - this.count);
    if (this.count === 0) this.waiters.wakeAll();
  }

  /** Removes one task. Never parks; callable anywhere. @throws RangeError (`ERR_OUT_OF_RANGE`) when none is under way */
  done(): void {
    this.add(-1);
  }

  /**
   * Returns when no task is under way, at once if none is. Parks.
   *
   * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
   *   (`ERR_TIMEOUT`), the signal's reason
   */
  wait(options?: ParkOptions): void {
    checkpoint('waitGroup.wait', options);
    if (this.count > 0) this.waiters.park(ParkKind.waitGroup, 'waitGroup.wait', options, this);
  }
}
