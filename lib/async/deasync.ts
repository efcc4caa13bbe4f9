import { sleep } from '../coroutine/sleep.js';
import { functionOf } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { checkpoint, Waiter } from '../internal/parking.js';

/** So many turns of Node's loop a condition is asked in each; from then on every millisecond, so that the thread may rest. */
const EAGER_TURNS = 16;

/**
 * Makes a function that takes a Node-style callback as its last argument one that returns the callback's value, or throws its error.
 * The function it returns parks.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`) by the function it returns, before `fn` is called; CancelledError (`ERR_CANCELLED`),
 *   TimeoutError (`ERR_TIMEOUT`)
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import deasync from 'stackful/deasync';
 *
 * const shout = deasync((text: string, done: (error: Error | null, value: string) => void) => {
 *   setTimeout(() => done(null, text.toUpperCase()), 1);
 * });
 * console.log(await spawn(() => shout('hello'))); // HELLO
 * ```
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a function of any shape, as it was
export function deasync<R = any>(fn: (...args: any[]) => unknown): (...args: any[]) => R {
  functionOf('fn', fn);
  return function (this: unknown, ...args: unknown[]): R {
    const waiter = new Waiter('deasync', checkpoint('deasync'));
    let failure: unknown;
    let result: unknown;
    Reflect.apply(fn, this, [...args, (error: unknown, value: unknown) => {
      if (!waiter.wake()) return;
      failure = error;
      result = value;
    }]);
    waiter.park(ParkKind.promise, 'deasync');
    if (failure) throw failure;
    return result as R;
  };
}

/** Waits for `ms` milliseconds. Parks. */
deasync.sleep = (ms: number): void => { sleep(ms); };

/** Lets Node's loop, and other coroutines, have a turn. Parks. */
deasync.runLoopOnce = (): void => {
  const waiter = new Waiter('deasync.runLoopOnce', checkpoint('deasync.runLoopOnce'));
  setImmediate(() => { waiter.wake(); });
  waiter.park(ParkKind.other, 'deasync.runLoopOnce');
};

/** Waits until `condition` returns something false. Parks. */
deasync.loopWhile = (condition: () => unknown): void => {
  functionOf('condition', condition);
  for (let turn = 0; condition(); turn++) {
    if (turn < EAGER_TURNS) deasync.runLoopOnce();
    else sleep(1);
  }
};
