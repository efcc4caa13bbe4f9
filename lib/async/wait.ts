import { Coroutine } from '../coroutine/coroutine.js';
import { functionOf, invalidType } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { native } from '../internal/native.js';
import { knownOptions } from '../internal/options.js';
import { Waiter, type ParkOptions } from '../internal/parking.js';

/** The options of {@link wait}. */
export interface WaitOptions<T = unknown> extends ParkOptions {
  /**
   * Called with the value if the promise is fulfilled after the wait was interrupted, to release the value:
   * `wait(pool.connect(), { abandoned: (client) => client.release() })`. It runs on the main stack; an error that it throws
   * is an unhandled rejection.
   */
  abandoned?: (value: T) => void;
}

const KNOWN = new Set(['signal', 'abandoned']);
const NOTHING_YET = Symbol('nothing yet');
/** A constant: looking it up in an object of a hundred functions takes longer than the call itself. */
const { park } = native;

/** Waits for a promise; woken with its value or its reason. */
class PromiseWaiter extends Waiter<unknown> {
  private declare failed: boolean;

  constructor() {
    super('wait');
    this.failed = false;
  }

  listenTo(promise: PromiseLike<unknown>, abandoned?: (value: unknown) => void): void {
    promise.then(
      (value) => { if (!this.wake(value)) abandoned?.(value); },
      (reason: unknown) => { if (this.wake(reason)) this.failed = true; },
    );
  }

  /** Ends {@link wait} after the park: returns the value or throws the reason. */
  outcome(code: number): unknown {
    const outcome = this.settle(code, 'wait');
    if (this.failed) throw outcome;
    return outcome;
  }
}

/**
 * Waits for a promise and returns its value, or throws its reason. Parks; for a fulfilled promise only now and then, to let
 * other coroutines run.
 *
 * A coroutine that waits for a promise does not keep the process alive, as `await` does not. Interrupting the wait, by
 * `signal` or otherwise, does not stop the promise's operation, unless that was given {@link currentSignal}; its value is
 * lost, unless `abandoned` takes it.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`),
 *   the signal's reason; TypeError (`ERR_INVALID_ARG_TYPE`) for a value that is no promise, which `await` would return: mostly
 *   a function does not return its promise
 *
 * @example
 * ```ts
 * import { spawn, wait } from 'stackful';
 *
 * const answer = await spawn(() => {
 *   const data = wait(new Blob(['hello']).text());
 *   return data.toUpperCase();
 * });
 * console.log(answer); // HELLO
 * ```
 */
export function wait<T>(promise: PromiseLike<T>, options?: WaitOptions<T>): T {
  if (promise instanceof Coroutine && !options?.abandoned) return promise.join(options) as T;
  if (options?.signal === undefined) {
    const there = native.fulfilledValue(promise, NOTHING_YET);
    if (there !== NOTHING_YET) return there as T;
  }
  if (typeof (promise as PromiseLike<T> | null | undefined)?.then !== 'function') throw invalidType('promise', 'a promise', promise);
  const waiter = new PromiseWaiter();
  if (!options) {
    waiter.listenTo(promise);
  } else {
    knownOptions('wait', options, KNOWN);
    const { signal, abandoned } = options;
    if (abandoned !== undefined) functionOf('options.abandoned', abandoned);
    if (signal?.aborted) {
      // The wait ends before it begins.
      promise.then(abandoned, () => undefined);
      signal.throwIfAborted();
    }
    waiter.listenTo(promise, abandoned as ((value: unknown) => void) | undefined);
  }
  // After this park the waiter is over: `prepare` below does not park again.
  if (options?.signal) waiter.park(ParkKind.promise, 'wait', options);
  return waiter.outcome(waiter.prepare() || park(ParkKind.promise, 0)) as T;
}
