import { UnsupportedRuntimeError } from './errors.js';
import { numberIn } from './internal/arguments.js';
import { native } from './internal/native.js';

const LEAST_SLICE = 1;
const MOST_SLICE = 5000;
/** How the names of this library's scripts begin: nobody is preempted inside it. */
const OWN_SCRIPTS = new URL('.', import.meta.url).href;
let usable = false;
let defaultSlice = 0;

/**
 * Checks a time slice, and the first time also where this V8 can be interrupted.
 *
 * @returns milliseconds; 0 for none
 */
export function timeSlice(name: string, ms: number | undefined): number {
  if (ms === undefined) return defaultSlice;
  if (ms === 0) return 0;
  numberIn(name, ms, LEAST_SLICE, MOST_SLICE);
  if (!usable) {
    const problem = native.useTimeSlices(OWN_SCRIPTS);
    if (problem !== undefined) throw new UnsupportedRuntimeError(`time slices: could not verify ${problem}`);
    usable = true;
  }
  return ms;
}

/** See `configure`. @internal */
export function setDefaultTimeSlice(name: string, ms: number): void {
  defaultSlice = timeSlice(name, ms);
}

/** The slice of coroutines spawned without one. @internal */
export function defaultTimeSlice(): number {
  return defaultSlice;
}
