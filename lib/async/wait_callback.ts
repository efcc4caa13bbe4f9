import { functionOf } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { checkpoint, Waiter, type ParkOptions } from '../internal/parking.js';

/** The last argument of a callback API. */
export type Callback<T> = (error: unknown, value?: T) => void;

/**
 * Calls an API that takes a Node-style callback, waits for the callback, and returns its value or throws its error. Parks.
 *
 * Interrupting the wait does not stop the operation. Only the first call of the callback counts.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the
 *   signal's reason; what `start` throws
 *
 * @example
 * ```ts
 * import { stat, type Stats } from 'node:fs';
 * import { spawn, waitCallback } from 'stackful';
 *
 * await spawn(() => {
 *   const about = waitCallback<Stats>((done) => stat('.', done));
 *   console.log(about.isDirectory()); // true
 * });
 * ```
 */
export function waitCallback<T>(start: (done: Callback<T>) => void, options?: ParkOptions): T {
  functionOf('start', start);
  const waiter = new Waiter('waitCallback', checkpoint('waitCallback', options));
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
