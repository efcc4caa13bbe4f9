import { integerIn } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { checkpoint, WaitQueue, type ParkOptions } from '../internal/parking.js';
import { SharedObject, type NameOptions } from './shared_object.js';

/**
 * A meeting point: each coroutine waits until `parties` of them wait, then all go on, and the barrier can be used again. A
 * coroutine whose wait is interrupted (by cancellation, for example) does not count: the others wait for another.
 *
 * @example
 * ```ts
 * import { Barrier, spawn } from 'stackful';
 *
 * const barrier = new Barrier(2);
 * const order: string[] = [];
 * const phases = (name: string) => () => {
 *   order.push(`${name} has loaded`);
 *   barrier.wait();
 *   order.push(`${name} computes`);
 * };
 * await Promise.all([spawn(phases('one')), spawn(phases('two'))]);
 * console.log(order.slice(0, 2).join(', ')); // one has loaded, two has loaded
 * ```
 */
export class Barrier extends SharedObject {
  /** How many coroutines must wait. */
  readonly parties: number;
  private readonly waiters = new WaitQueue<number>();
  /** Like {@link waiting}, but it includes cancelled ones that have not run since. */
  private inQueue = 0;

  /** @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_UNKNOWN_OPTION`) */
  constructor(parties: number, options?: NameOptions) {
    super(options);
    this.parties = integerIn('parties', parties, 1, Number.MAX_SAFE_INTEGER);
  }

  /** How many coroutines wait. */
  get waiting(): number {
    let n = 0;
    for (let waiter = this.waiters.first; waiter; waiter = waiter.next) if (waiter.waiting) n++;
    return n;
  }

  /** @internal */
  override about(): object {
    return { parties: this.parties, waiting: this.waiting };
  }

  /**
   * Waits for the others. Parks.
   *
   * @returns the place in which this coroutine came, different for each: 0 for the first, `parties` - 1 for the last
   * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
   *   (`ERR_TIMEOUT`), the signal's reason
   */
  wait(options?: ParkOptions): number {
    checkpoint('barrier.wait', options);
    // `waiting` counts one by one, so it is read only when the queue is long enough.
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
