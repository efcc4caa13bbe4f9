import { Coroutine } from '../coroutine/coroutine.js';
import { CancelledError } from '../coroutine/errors.js';
import { defaultStack } from '../coroutine/stacks.js';
import { functionOf, numberIn } from '../internal/arguments.js';
import { fail } from '../internal/codes.js';
import { native } from '../internal/native.js';
import { namesJobs, NORMAL_PRIORITY } from './policy_in_force.js';
import { defaultTimeSlice } from './time_slice.js';

/** A year. */
const MOST_US = 365.25 * 24 * 3600 * 1e6;

/**
 * Runs `fn` in a coroutine of its own after `microseconds`: never earlier, and at the first place behind it where the scheduler is
 * anyway. It looks for what is due whenever a coroutine parks or ends, when a batch of coroutines begins and ends, and when it asks
 * the kernel for events; a thread that has nothing to do is woken by a timer of the kernel. So an event costs no interrupt and no
 * system call while the thread is busy, and it is late by as long as a coroutine, or code on the main stack, keeps the thread.
 * The method is that of "Soft timers: efficient microsecond software timer support for network processing" (Aron, Druschel, SOSP 1999).
 *
 * `fn` may park, goes before the coroutines that are ready, and keeps the async context of the caller (AsyncLocalStorage). What is
 * returned is its coroutine, as {@link spawn} returns it: `cancel` before its time means that `fn` is not called, and that a `join`
 * throws CancelledError. A failure is an unhandled rejection unless it is joined or awaited. Until its time it takes a page of
 * memory, counts for `maxCoroutines`, and keeps the process alive, as `setTimeout` does; a worker's end forgets it. May be called anywhere.
 *
 * @param microseconds 0 to a year; a microsecond counts
 * @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_INVALID_ARG_TYPE`), and as `spawn`
 *
 * @example
 * ```ts
 * import { softTimer } from 'stackful';
 *
 * const began = performance.now();
 * const later = softTimer(300, () => performance.now() - began);
 * const never = softTimer(200, () => console.log('is not called'));
 * never.cancel();
 * console.log(await later >= 0.3); // true
 * ```
 */
export function softTimer<R>(microseconds: number, fn: () => R): Coroutine<R> {
  numberIn('microseconds', microseconds, 0, MOST_US);
  functionOf('fn', fn);
  let event = -1;
  const coroutine: Coroutine<R> = new Coroutine(() => {
    // It was woken by something else than its event, which is gone from now on, or has been cancelled since.
    if (native.disarmSoft(event) || coroutine.isCancelled) throw new CancelledError(coroutine.cancelReason);
    return fn();
  }, fn.name, defaultStack, defaultTimeSlice(), NORMAL_PRIORITY, true);
  if (namesJobs) native.nameSpawned(coroutine.slot, fn);
  event = native.armSoft(coroutine.slot, microseconds);
  if (event >= 0) return coroutine;
  coroutine.cancel();
  fail(event, 'softTimer');
}
