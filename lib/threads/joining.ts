import { current } from '../internal/current.js';
import type { ParkOptions } from '../internal/parking.js';
import { cancellationPoint } from './cancellation.js';
import { ThreadError } from './errors.js';
import { heard, report, type CANCELED } from './outcome.js';
import { threadIn, type Thread } from './thread.js';

/**
 * Waits for the end of a thread and returns what its start function returned or gave to `exit`, or {@link CANCELED}; throws what the
 * thread failed with. A thread is joined once; a join that is ended early leaves it joinable. Parks.
 *
 * The failure of a thread waits for its join. If none can come any more, because the thread is detached or forgotten or the process
 * would end, it is an unhandled rejection.
 *
 * @throws ThreadError (`EDEADLK`) when a thread joins itself, (`EINVAL`) when the thread is detached or being joined, (`ESRCH`) when it
 *   has been joined, (`ENOTSUP`) over workers, in another worker than the one that created it; ThreadDiedError (`ERR_THREAD_DIED`);
 *   DeadlockError (`ERR_DEADLOCK`) over coroutines that join each other; NotInCoroutineError (`ERR_NOT_IN_COROUTINE`),
 *   CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
 *
 * @example
 * ```ts
 * import { sleep } from 'stackful';
 * import { cancel, CANCELED, create, join } from 'stackful/threads';
 *
 * await create(() => {
 *   const adder = create(([a, b]: number[]) => a! + b!, [1, 2]);
 *   console.log(join(adder)); // 3
 *   const sleeper = create(() => sleep(60_000));
 *   cancel(sleeper);
 *   console.log(join(sleeper) === CANCELED); // true
 * });
 * ```
 */
export function join<R>(thread: Thread<R>, options?: ParkOptions): R | typeof CANCELED {
  threadIn(thread);
  cancellationPoint('join', options);
  if (thread.runner !== undefined && thread.runner === current()) throw new ThreadError('join', 'EDEADLK', 'a thread cannot join itself');
  const ending = thread.toJoin('join');
  thread.fate = 'being joined';
  let value: unknown;
  try {
    value = ending.join(options);
  } catch (error) {
    // Coroutines that `create` did not make fail themselves, and so do threads in `simulate`; any other error has ended the wait only.
    const { outcome } = thread;
    const itsOwn = ending.state === 'done' && (!outcome || ('error' in outcome && outcome.error === error));
    thread.fate = itsOwn ? 'joined' : 'joinable';
    throw error;
  }
  thread.fate = 'joined';
  return heard(thread, value);
}

/**
 * Makes a thread one that cannot be joined. Its result is lost; if it fails, that is an unhandled rejection. Never parks.
 *
 * @throws ThreadError (`EINVAL`) when the thread is detached or being joined, (`ESRCH`) when it has been joined
 *
 * @example
 * ```ts
 * import { create, detach, join } from 'stackful/threads';
 *
 * await create(() => {
 *   const logger = create(() => undefined);
 *   detach(logger);
 *   try {
 *     join(logger);
 *   } catch (error) {
 *     console.log((error as NodeJS.ErrnoException).code); // EINVAL
 *   }
 * });
 * ```
 */
export function detach(thread: Thread): void {
  threadIn(thread).checkJoinable('detach');
  thread.fate = 'detached';
  report(thread.id);
}
