import { numberIn } from '../internal/arguments.js';
import { check } from '../internal/codes.js';
import { native } from '../internal/native.js';
import type { ParkOptions } from '../internal/parking.js';
import { withSignal } from './signal.js';

/** A constant for the compiler: with a lookup a switch took 80 ns now and then instead of 60. */
const { yieldNow: giveWay } = native;

/** The longest sleep, in milliseconds: a century; about 292 years would overflow. */
const LONGEST_SLEEP = 100 * 365.25 * 24 * 3600 * 1000;

/**
 * Waits for `ms` milliseconds; fractions count. One of less than a millisecond ends at the first place
 * behind its time where the scheduler is anyway, as {@link softTimer} does; a longer one up to 0.07 later. Parks.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), RangeError (`ERR_OUT_OF_RANGE`)
 *
 * @example
 * ```ts
 * import { sleep, spawn } from 'stackful';
 *
 * await spawn(() => {
 *   const began = performance.now();
 *   sleep(10);
 *   console.log(performance.now() - began > 9); // true
 * });
 * ```
 */
export function sleep(ms: number, options?: ParkOptions): void {
  numberIn('ms', ms, 0, LONGEST_SLEEP);
  if (options?.signal) {
    withSignal(options.signal, () => { sleep(ms); });
    return;
  }
  check(native.sleep(ms), 'sleep');
}

/**
 * Lets every other ready coroutine run first. Parks; the caller is ready again at once.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`)
 *
 * @example
 * ```ts
 * import { spawn, yieldNow } from 'stackful';
 *
 * const order: string[] = [];
 * const first = spawn(() => {
 *   order.push('first');
 *   yieldNow(); // the second has its turn
 *   order.push('first again');
 * });
 * const second = spawn(() => order.push('second'));
 * await Promise.all([first, second]);
 * console.log(order.join(', ')); // first, second, first again
 * ```
 */
export function yieldNow(): void {
  const code = giveWay();
  if (code < 0) check(code, 'yieldNow');
}
