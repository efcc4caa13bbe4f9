import { functionOf } from '../internal/arguments.js';
import { native } from '../internal/native.js';

/**
 * Runs `fn` as one step and returns its result: no other coroutine runs until `fn` returns, and no time slice ends in it. A
 * call inside that can park throws AtomicSectionError (`ERR_ATOMIC_SECTION`) before it does anything, even if it would not
 * have had to wait. Most code does not need `atomic`, because coroutines take turns only at parking calls: `atomic` states
 * and checks that `fn`, and what `fn` calls, contains none.
 *
 * On the main stack, where nothing can park, `atomic` only runs `fn`.
 *
 * @example
 * ```ts
 * import { atomic, sleep, spawn } from 'stackful';
 *
 * const accounts = { from: 100, to: 0 };
 * await spawn(() => {
 *   atomic(() => {
 *     accounts.from -= 10;
 *     accounts.to += 10; // no other coroutine sees the state in between
 *   });
 *   try {
 *     atomic(() => sleep(1));
 *   } catch (error) {
 *     console.log((error as NodeJS.ErrnoException).code); // ERR_ATOMIC_SECTION
 *   }
 * });
 * ```
 */
export function atomic<R>(fn: () => R): R {
  functionOf('fn', fn);
  if (!native.atomicEnter()) return fn();
  try {
    return fn();
  } finally {
    native.atomicLeave();
  }
}
