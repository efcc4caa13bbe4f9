import { numberIn } from './internal/arguments.js';
import { check } from './internal/codes.js';
import { native } from './internal/native.js';
import type { ParkOptions } from './internal/parking.js';
import { withSignal } from './signal.js';

/** Kept by itself, as a constant for the compiler: looking it up made a switch take 80 ns now and then, and not 60. */
const { yieldNow: giveWay } = native;

/** The longest sleep, in milliseconds: about 292 years would overflow, a century does not. */
const LONGEST_SLEEP = 100 * 365.25 * 24 * 3600 * 1000;

/**
 * Lets `ms` milliseconds pass; fractions count, down to about 0.07. Parks.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), RangeError (`ERR_OUT_OF_RANGE`)
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
 * Lets every other coroutine that is ready run first. Parks; ready again at once.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`)
 */
export function yieldNow(): void {
  const code = giveWay();
  if (code < 0) check(code, 'yieldNow');
}
