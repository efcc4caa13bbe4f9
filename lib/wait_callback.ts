import { functionOf } from './internal/arguments.js';
import { ParkKind } from './internal/kinds.js';
import { Waiter, type ParkOptions } from './internal/parking.js';

/** The last argument of a callback API. */
export type Callback<T> = (error: unknown, value?: T) => void;

/**
 * Calls an API that takes a Node-style callback, and waits for that: returns its value, or throws its error. Parks.
 *
 *     const about = waitCallback<Stats>((done) => fs.stat(path, done));
 *
 * Given up, it leaves the call as it is; only the first call of the callback counts.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError, TimeoutError, the signal's reason; whatever `start`
 *   throws
 */
export function waitCallback<T>(start: (done: Callback<T>) => void, options?: ParkOptions): T {
  functionOf('start', start);
  const waiter = new Waiter('waitCallback');
  options?.signal?.throwIfAborted();
  let failure: unknown;
  let result: T | undefined;
  start((error, value) => {
    if (!waiter.wake()) return;
    failure = error;
    result = value;
  });
  waiter.park(ParkKind.promise, 'waitCallback', options);
  if (failure !== null && failure !== undefined) throw failure;
  return result as T;
}
