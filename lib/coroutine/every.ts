import { numberIn } from '../internal/arguments.js';
import { native } from '../internal/native.js';
import { parkOptions, type ParkOptions } from '../internal/parking.js';
import { sleep } from './sleep.js';

const LEAST_MS = 0.001;
const MOST_MS = 365.25 * 24 * 3600 * 1000;

/**
 * A loop's beat: each step waits until the next multiple of `ms` milliseconds after the first step began, and gives the number of
 * that multiple. The beats do not drift, however long the loop's body takes. Those that pass while it runs are left out, as the
 * numbers show: a slow body is not followed by a burst. Each step parks.
 *
 * @param ms 0.001 to a year; fractions count
 * @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`) at once; each step:
 *   NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's
 *   reason
 *
 * @example
 * ```ts
 * import { every, spawn } from 'stackful';
 *
 * await spawn(() => {
 *   let beats = 0;
 *   for (const _ of every(10)) if (++beats === 3) break;
 *   console.log(beats); // 3
 * });
 * ```
 */
export function every(ms: number, options?: ParkOptions): Generator<number, void, undefined> {
  numberIn('ms', ms, LEAST_MS, MOST_MS);
  if (options) parkOptions('every', options);
  return beats(ms, options);
}

function* beats(ms: number, options: ParkOptions | undefined): Generator<number, never, undefined> {
  const began = native.now();
  for (let beat = 1; ;) {
    sleep(Math.max(0, began + beat * ms - native.now()), options);
    yield beat;
    beat = Math.max(beat + 1, Math.ceil((native.now() - began) / ms));
  }
}
