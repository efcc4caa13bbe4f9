import { functionOf } from './internal/arguments.js';
import { native } from './internal/native.js';

/**
 * Runs `fn` as one step: no other coroutine runs before it is left. A call inside that can park throws an
 * AtomicSectionError instead, before it does anything, even if it would have found what it wants without waiting; and
 * no time slice ends. (Most code needs none of this, because coroutines take turns only at parking calls: this says, and
 * checks, that there is none in `fn` nor in what it calls.)
 *
 * On the main stack, where nothing can park anyway, it only runs `fn`.
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
