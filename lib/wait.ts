import { Coroutine } from './coroutine.js';
import { ParkKind } from './internal/kinds.js';
import { native } from './internal/native.js';
import { Waiter, type ParkOptions } from './internal/parking.js';

export type WaitOptions = ParkOptions;

const NOTHING_YET = Symbol('nothing yet');

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
  const waiter = new Waiter('wait');
  options?.signal?.throwIfAborted();
  let failed = false;
  let result: unknown;
  promise.then(
    (value) => {
      if (waiter.wake()) result = value;
    },
    (reason: unknown) => {
      if (!waiter.wake()) return;
      failed = true;
      result = reason;
    },
  );
  waiter.park(ParkKind.promise, 'wait', options);
  if (failed) throw result;
  return result as T;
}
