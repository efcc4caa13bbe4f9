import { Coroutine } from './coroutine.js';
import { NotInCoroutineError } from './errors.js';
import { check } from './internal/codes.js';
import { ParkKind } from './internal/kinds.js';
import { native } from './internal/native.js';

export interface WaitOptions {
  /** Ends the wait with the signal's reason; the promise itself goes on. */
  signal?: AbortSignal;
}

const enum Progress {
  pending,
  fulfilled,
  rejected,
}

/**
 * Waits for a promise and returns its value, or throws its reason: the bridge from the async world. Parks.
 *
 * A coroutine that waits for a promise does not by itself keep the process alive, as `await` does not.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), the signal's reason
 */
export function wait<T>(promise: PromiseLike<T>, options?: WaitOptions): T {
  const slot = native.current();
  if (slot < 0) throw new NotInCoroutineError('wait');
  if (promise instanceof Coroutine) return promise.join() as T;
  const signal = options?.signal;
  signal?.throwIfAborted();

  let progress = Progress.pending;
  let result: unknown;
  let waiting = true;
  const settle = (how: Progress, what: unknown) => {
    progress = how;
    result = what;
    if (waiting) native.wake(slot, 0);
  };
  const onAbort = () => {
    if (waiting) native.wake(slot, 0);
  };
  promise.then(
    (value) => { settle(Progress.fulfilled, value); },
    (reason: unknown) => { settle(Progress.rejected, reason); },
  );
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    while ((progress as Progress) === Progress.pending) {
      check(native.park(ParkKind.promise, 0), 'wait');
      if ((progress as Progress) === Progress.pending) signal?.throwIfAborted();
    }
  } finally {
    waiting = false;
    signal?.removeEventListener('abort', onAbort);
  }
  if ((progress as Progress) === Progress.rejected) throw result;
  return result as T;
}
