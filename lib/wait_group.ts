import { integerIn } from './internal/arguments.js';
import { ParkKind } from './internal/kinds.js';
import { checkpoint, WaitQueue, type ParkOptions } from './internal/parking.js';
import { SharedObject } from './internal/shared_object.js';

/** Counts what is under way, and lets coroutines wait until nothing is. */
export class WaitGroup extends SharedObject {
  private count = 0;
  private readonly waiters = new WaitQueue();

  /** What is under way now. */
  get pending(): number {
    return this.count;
  }

  /**
   * `n` more are under way; a negative number means that as many are over. Never parks; callable anywhere.
   *
   * @throws RangeError (`ERR_OUT_OF_RANGE`) when fewer than none would be left; nothing changes
   */
  add(n = 1): void {
    this.count += integerIn('n', n, -this.count, Number.MAX_SAFE_INTEGER - this.count);
    if (this.count === 0) this.waiters.wakeAll();
  }

  /** One is over. Never parks; callable anywhere. @throws RangeError (`ERR_OUT_OF_RANGE`) when none was under way */
  done(): void {
    this.add(-1);
  }

  /**
   * Returns when nothing is under way, at once if that is so. Parks.
   *
   * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
   *   (`ERR_TIMEOUT`), the signal's reason
   */
  wait(options?: ParkOptions): void {
    checkpoint('waitGroup.wait', options);
    if (this.count > 0) this.waiters.park(ParkKind.waitGroup, 'waitGroup.wait', options, this);
  }
}
