import type { Coroutine } from '../coroutine/coroutine.js';
import { abortSignals, signalsTaken } from '../coroutine/current_signal.js';
import { AtomicSectionError, CancelledError, CannotParkError, NotInCoroutineError, TimeoutError } from '../coroutine/errors.js';
import { DeadlockError } from '../observe/errors.js';
import { current } from './current.js';
import { native } from './native.js';
import { processEvent } from './process_events.js';
import { CANNOT_PARK, DEADLOCKED, ECANCELED, IN_ATOMIC_SECTION, NOT_IN_COROUTINE, LIMIT_ABORTED, LIMIT_TIMED_OUT } from './results.js';
import { openLimits, type TimeoutScope } from './limits.js';
import { systemError, type Paths } from './system_errors.js';
import { describeWaitable, type Waitable } from './waiting.js';

/** The error that a coroutine woken with DEADLOCKED throws; ../observe/deadlock.ts sets it before the wake. */
export const verdicts = new WeakMap<Coroutine, DeadlockError>();

const CANCELLATION = {};
/** The cancellation or the limit that has last ended a call of a coroutine. */
const told = new WeakMap<Coroutine, object>();

/** Whether the interruption that `code` stands for has ended a call of the running coroutine before. */
export function wasTold(self: Coroutine, code: number): boolean {
  const last = told.get(self);
  return last !== undefined && last === (code === ECANCELED ? CANCELLATION : openLimits[native.firedLimit()]);
}

/**
 * The one place where a negative result of a native call becomes an exception.
 *
 * @param operation the call to name in errors about the call itself
 * @param syscall the system call to name in a system error; the last word of `operation` if absent
 * @param object what the call waited for, if only other coroutines can end that wait
 */
export function fail(
  code: number,
  operation: string,
  syscall?: string,
  details?: Paths,
  object?: Waitable,
): never {
  switch (code) {
    case NOT_IN_COROUTINE:
      throw new NotInCoroutineError(operation);
    case CANNOT_PARK:
      throw cannotPark(operation);
    case DEADLOCKED:
      throw deadlocked(current());
    case ECANCELED:
      throw ended(undefined, new CancelledError(current()?.cancelReason));
    case LIMIT_TIMED_OUT: {
      const scope = openLimits[native.firedLimit()] as TimeoutScope | undefined;
      throw ended(scope, new TimeoutError(operation, scope, object && describeWaitable(object)));
    }
    case LIMIT_ABORTED: {
      const scope = openLimits[native.firedLimit()] as { readonly reason: unknown };
      throw ended(scope, scope.reason);
    }
    case IN_ATOMIC_SECTION:
      if (processEvent() !== undefined) {
        const where = `listeners of process's '${processEvent()!}' event run outside: Node goes on when they return`;
        throw new NotInCoroutineError(operation, where);
      }
      throw new AtomicSectionError(operation);
  }
  throw systemError(code, syscall ?? operation.slice(operation.lastIndexOf('.') + 1), details);
}

function deadlocked(self: Coroutine | undefined): DeadlockError {
  const verdict = self && verdicts.get(self);
  if (!verdict) return new DeadlockError('deadlock', []);
  // The stack of this call tells more than that of the check which found the deadlock.
  Error.captureStackTrace(verdict, deadlocked);
  return verdict;
}

function cannotPark(operation: string): Error {
  const reason = native.cannotParkReason();
  return native.onBehalfOfOthers() ? new NotInCoroutineError(operation, reason) : new CannotParkError(operation, reason);
}

/** Aborts the signals that the running coroutine has taken, with the error that its calls end with. */
function ended(scope: object | undefined, error: unknown): unknown {
  const cancelled = error instanceof CancelledError && scope === undefined;
  const self = current();
  if (self && (cancelled || scope)) told.set(self, scope ?? CANCELLATION);
  if (signalsTaken && (cancelled || scope)) abortSignals(self, scope, error);
  return error;
}

/** Returns a native call's result; throws the error of a negative one. */
export function check(code: number, operation: string, syscall?: string, details?: Paths): number {
  return code < 0 ? fail(code, operation, syscall, details) : code;
}
