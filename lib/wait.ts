import { Coroutine } from './coroutine.js';
import { ParkKind } from './internal/kinds.js';
import { native } from './internal/native.js';
import { Waiter, type ParkOptions } from './internal/parking.js';

export type WaitOptions = ParkOptions;

const NOTHING_YET = Symbol('nothing yet');
/** Kept by itself: looking it up in an object of a hundred functions takes longer than the call needs. */
const { park } = native;

/** Waits for a promise; woken with its value or its reason. */
class PromiseWaiter extends Waiter<unknown> {
  private declare failed: boolean;

  constructor() {
    super('wait');
    this.failed = false;
  }

  listenTo(promise: PromiseLike<unknown>): void {
    promise.then(
      (value) => { this.wake(value); },
      (reason: unknown) => { if (this.wake(reason)) this.failed = true; },
    );
  }

  /** What {@link wait} returns or throws once it has parked. */
  outcome(code: number): unknown {
    const outcome = this.settle(code, 'wait');
    if (this.failed) throw outcome;
    return outcome;
  }
}

/**
 * Waits for a promise and returns its value, or throws its reason: the bridge from the async world. Parks.
 *
 * A coroutine that waits for a promise does not by itself keep the process alive, as `await` does not. Given up, by
 * `signal` or otherwise, it leaves the promise as it is: what that comes to is nobody's business then. For one that is
 * fulfilled already it only gives the others their turn now and then.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`),
 *   the signal's reason
 */
export function wait<T>(promise: PromiseLike<T>, options?: WaitOptions): T {
  if (promise instanceof Coroutine) return promise.join(options) as T;
  if (options?.signal === undefined) {
    const there = native.fulfilledValue(promise, NOTHING_YET);
    if (there !== NOTHING_YET) return there as T;
  }
  const waiter = new PromiseWaiter();
  options?.signal?.throwIfAborted();
  waiter.listenTo(promise);
  // After that it is over, and does not park once more.
  if (options?.signal) waiter.park(ParkKind.promise, 'wait', options);
  return waiter.outcome(waiter.prepare() || park(ParkKind.promise, 0)) as T;
}
