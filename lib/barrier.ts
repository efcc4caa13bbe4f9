import { integerIn } from './internal/arguments.js';
import { ParkKind } from './internal/kinds.js';
import { checkpoint, WaitQueue, type ParkOptions } from './internal/parking.js';
import { SharedObject } from './internal/shared_object.js';

/**
 * Where coroutines meet: each waits until `parties` of them are there, then all go on, and the barrier can be used
 * again. One that gives up (by cancellation, say) was not there: the others wait for another in its place.
 */
export class Barrier extends SharedObject {
  readonly parties: number;
  private readonly waiters = new WaitQueue<number>();
  /** Those included that have been cancelled and have not run since. */
  private inQueue = 0;

  /** @throws RangeError (`ERR_OUT_OF_RANGE`) */
  constructor(parties: number) {
    super();
    this.parties = integerIn('parties', parties, 1, Number.MAX_SAFE_INTEGER);
  }

  /** How many are waiting. */
  get waiting(): number {
    let n = 0;
    for (let waiter = this.waiters.first; waiter; waiter = waiter.next) if (waiter.waiting) n++;
    return n;
  }

  /**
   * Waits for the others. Parks.
   *
   * @returns in which place this coroutine came: 0 for the first, `parties` - 1 for the last, one of each
   * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
   *   (`ERR_TIMEOUT`), the signal's reason
   */
  wait(options?: ParkOptions): number {
    checkpoint('barrier.wait', options);
    // Counted one by one only when they may be enough.
    if (this.inQueue < this.parties - 1 || this.waiting < this.parties - 1) {
      this.inQueue++;
      try {
        return this.waiters.park(ParkKind.barrier, 'barrier.wait', options, this);
      } finally {
        this.inQueue--;
      }
    }
    for (let place = 0; this.waiters.wakeOne(place); place++);
    return this.parties - 1;
  }
}
