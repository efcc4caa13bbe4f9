import { withSignal } from '../coroutine/signal.js';
import { current } from '../internal/current.js';
import { checkInterruption, checkpoint, signalIn, type ParkOptions } from '../internal/parking.js';
import { ThreadError, ThreadExitError } from './errors.js';
import { runningThread, threadIn, threadOf, type Thread } from './thread.js';

/** Hands on what another worker asked for while this thread kept its own worker from its loop. */
function takeRequest(): void {
  const coroutine = current();
  if (coroutine && threadOf(coroutine)?.control?.cancelRequested) coroutine.cancel();
}

/** Begins a call that can park. */
export function cancellationPoint(operation: string, options?: ParkOptions): void {
  takeRequest();
  checkpoint(operation, options);
}

/** Runs `wait`, which parks for `operation`, under the call's own signal. */
export function waitUnder<R>(operation: string, options: ParkOptions | undefined, wait: () => R): R {
  const signal = signalIn(operation, options);
  if (!signal) return wait();
  signal.throwIfAborted();
  return withSignal(signal, wait);
}

/**
 * Asks a thread to end: its next cancellation point, or the one in which it waits, throws `CancelledError`, and its `finally` blocks run.
 * Cancellation points are all calls that park, also of the rest of the library, and {@link testCancel}. A thread that computes does
 * not notice; `shield` of `stackful` puts a cancellation off. Never parks; callable anywhere.
 *
 * @throws ThreadError (`ESRCH`) when the thread has been joined; a thread that has ended otherwise takes no notice
 *
 * @example
 * ```ts
 * import { sleep } from 'stackful';
 * import { cancel, create, join } from 'stackful/threads';
 *
 * await create(() => {
 *   const sleeper = create(() => {
 *     try {
 *       sleep(60_000);
 *     } finally {
 *       console.log('cleaning up'); // cleaning up
 *     }
 *   });
 *   sleep(1);
 *   cancel(sleeper);
 *   console.log(join(sleeper)); // Symbol(stackful.threads.CANCELED)
 * });
 * ```
 */
export function cancel(thread: Thread): void {
  if (threadIn(thread).fate === 'joined') throw new ThreadError('cancel', 'ESRCH', `${thread.label} has been joined`);
  thread.control?.requestCancel();
  thread.runner?.cancel();
}

/**
 * A cancellation point and nothing else: throws `CancelledError` if the running thread was asked to end. Over workers it notices also while
 * the thread computes. Never parks.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`)
 *
 * @example
 * ```ts
 * import { cancel, create, join, self, testCancel } from 'stackful/threads';
 *
 * await create(() => {
 *   const thread = create(() => {
 *     cancel(self());
 *     console.log('goes on'); // goes on
 *     testCancel();
 *   });
 *   console.log(join(thread)); // Symbol(stackful.threads.CANCELED)
 * });
 * ```
 */
export function testCancel(): void {
  takeRequest();
  checkInterruption('testCancel');
}

/**
 * Ends the running thread with `value` as its result, from however deep: throws a `ThreadExitError`, so that `finally` blocks run.
 *
 * @throws ThreadError (`ESRCH`) in a coroutine that `create` did not make; NotInCoroutineError (`ERR_NOT_IN_COROUTINE`)
 *
 * @example
 * ```ts
 * import { create, exit, join } from 'stackful/threads';
 *
 * await create(() => {
 *   const searcher = create((numbers: number[]) => {
 *     numbers.forEach((n) => { if (n > 2) exit(n); });
 *   }, [1, 2, 3, 4]);
 *   console.log(join(searcher)); // 3
 * });
 * ```
 */
export function exit(value?: unknown): never {
  const thread = runningThread('exit');
  if (!thread.mayExit) throw new ThreadError('exit', 'ESRCH', `${thread.label} was not made by create`);
  throw (thread.exiting = new ThreadExitError(value));
}
