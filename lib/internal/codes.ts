import { getSystemErrorMap, getSystemErrorName } from 'node:util';

import { cancellationReason, current } from '../coroutine.js';
import { verdictOf } from '../deadlock.js';
import { AtomicSectionError, CancelledError, CannotParkError, NotInCoroutineError, TimeoutError } from '../errors.js';
import type { TimeoutScope } from '../timeout.js';
import { native } from './native.js';
import { openScopes } from './scopes.js';

/** What native calls return instead of a result when they did not park at all (native/sched/scheduler.h). */
const NOT_IN_COROUTINE = -10001;
const CANNOT_PARK = -10002;
/** A coroutine is woken with it, or does not park at all: what it waits for will never come. */
export const DEADLOCKED = -10006;
/** A scope around the call ended it (native/sched/scope.h). */
const SCOPE_TIMED_OUT = -10003;
const SCOPE_ABORTED = -10004;
const IN_ATOMIC_SECTION = -10005;
const ECANCELED = -125;

/** What a system error says besides its code, in the order in which Node prints it. */
export interface SystemErrorDetails {
  path?: string;
  dest?: string;
  address?: string;
  port?: number;
}

/** An error that looks like Node's own: `ENOENT: no such file or directory, open '/x'`. */
export function systemError(code: number, syscall: string, details: SystemErrorDetails = {}): NodeJS.ErrnoException {
  const name = getSystemErrorName(code);
  let message = `${syscall} ${name}`;
  const description = descriptions.get(code);
  if (details.path !== undefined) {
    message = `${name}: ${description ?? 'unknown error'}, ${syscall} '${details.path}'`;
    if (details.dest !== undefined) message += ` -> '${details.dest}'`;
  } else if (details.address !== undefined) {
    message += ` ${details.address}${details.port === undefined ? '' : `:${String(details.port)}`}`;
  } else {
    message = `${name}: ${description ?? 'unknown error'}, ${syscall}`;
  }
  const error = new Error(message) as NodeJS.ErrnoException;
  Error.captureStackTrace(error, systemError);
  return Object.assign(error, { errno: code, code: name, syscall }, details);
}

const descriptions = new Map([...getSystemErrorMap()].map(([code, [, text]]) => [code, text] as const));

/**
 * The one place where a negative result of a native call becomes an exception.
 *
 * @param operation what the caller was doing, for errors about the call itself
 * @param syscall the system call to name in a system error; the last word of `operation` if absent
 */
export function fail(code: number, operation: string, syscall?: string, details?: SystemErrorDetails): never {
  switch (code) {
    case NOT_IN_COROUTINE:
      throw new NotInCoroutineError(operation);
    case CANNOT_PARK:
      throw new CannotParkError(operation);
    case DEADLOCKED:
      throw verdictOf(current());
    case ECANCELED:
      throw new CancelledError(cancellationReason());
    case SCOPE_TIMED_OUT:
      throw new TimeoutError(operation, openScopes[native.firedScope()] as TimeoutScope | undefined);
    case SCOPE_ABORTED:
      throw (openScopes[native.firedScope()] as { readonly reason: unknown }).reason;
    case IN_ATOMIC_SECTION:
      throw new AtomicSectionError(operation);
  }
  throw systemError(code, syscall ?? operation.slice(operation.lastIndexOf('.') + 1), details);
}

/** Returns a native call's result unless it is negative: then throws what it stands for. */
export function check(code: number, operation: string, syscall?: string, details?: SystemErrorDetails): number {
  return code < 0 ? fail(code, operation, syscall, details) : code;
}
