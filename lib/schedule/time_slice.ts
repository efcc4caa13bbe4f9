import { numberIn } from '../internal/arguments.js';
import { unfit, UnsupportedRuntimeError } from '../internal/errors.js';
import { native } from '../internal/native.js';
import { rootUrl } from '../internal/root.js';

const LEAST_SLICE = 1;
const MOST_SLICE = 5000;
let usable = false;
let defaultSlice = 0;

/**
 * Checks a time slice; the first one also makes the engine look for the places where this V8 can be interrupted.
 *
 * @returns milliseconds; 0 for none
 * @throws UnsupportedRuntimeError (`ERR_UNSUPPORTED_RUNTIME`), RangeError (`ERR_OUT_OF_RANGE`)
 */
export function timeSlice(name: string, ms: number | undefined): number {
  if (ms === undefined) return defaultSlice;
  if (ms === 0) return 0;
  numberIn(name, ms, LEAST_SLICE, MOST_SLICE);
  if (!usable) {
    const problem = native.learnInterruptSites(rootUrl);
    if (problem !== undefined) throw new UnsupportedRuntimeError(unfit(`time slices: could not verify ${problem}`));
    native.useTimeSlices();
    usable = true;
  }
  return ms;
}

/** See `configure`. @internal */
export function setDefaultTimeSlice(name: string, ms: number): void {
  defaultSlice = timeSlice(name, ms);
}

/** The time slice of coroutines spawned without one, in milliseconds. @internal */
export function defaultTimeSlice(): number {
  return defaultSlice;
}
