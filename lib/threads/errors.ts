import { StackfulError } from '../internal/errors.js';

/** The names of POSIX for what a call on threads can fail with. */
export type ThreadErrorCode =
  | 'EAGAIN' | 'EBUSY' | 'EDEADLK' | 'EINVAL' | 'ENOTSUP' | 'EOWNERDEAD' | 'EPERM' | 'ERANGE' | 'ESRCH';

/**
 * A call on a thread, or on what threads share, was wrong or cannot succeed. The `code` is the one that POSIX gives the same failure:
 * `EDEADLK` a thread would wait for itself, `EPERM` it does not hold the lock, `EINVAL` the object is destroyed or the thread not
 * joinable, `ESRCH` the thread is gone, `EBUSY` the object is in use, `EOWNERDEAD` the lock's holder has ended without unlocking it,
 * `EAGAIN` a count would be too large, `ERANGE` a name is too long, `ENOTSUP` only the thread's creator can do that.
 */
export class ThreadError extends StackfulError {
  constructor(
    operation: string,
    /** The name of POSIX. */
    readonly code: ThreadErrorCode,
    what: string,
  ) {
    super(`${operation}: ${code}, ${what}`);
  }
}

/** The error for a mutex whose holder has ended. @internal */
export function ownerDead(operation: string): ThreadError {
  return new ThreadError(operation, 'EOWNERDEAD', 'the holder of the mutex has ended without unlocking it');
}

/** The worker of a thread ended before the thread's start function did: by `process.exit`, or because nothing could wake it. */
export class ThreadDiedError extends StackfulError {
  readonly code = 'ERR_THREAD_DIED';
  constructor(
    thread: string,
    /** The exit code of the worker. */
    readonly exitCode: number,
  ) {
    const why = exitCode === 0 ? 'nothing was left that could wake the thread' : `exit code ${String(exitCode)}`;
    super(`the worker of ${thread} ended before its start function returned: ${why}`);
  }
}

/**
 * What `exit` throws, so that the `finally` blocks of the thread run. A `catch` block that receives it should throw it again; if none
 * does, the thread goes on, and its result is still the value that `exit` was given.
 */
export class ThreadExitError extends StackfulError {
  readonly code = 'ERR_THREAD_EXIT';
  constructor(
    /** The argument of `exit`. */
    readonly value: unknown,
  ) {
    super('the thread has called exit');
  }
}
