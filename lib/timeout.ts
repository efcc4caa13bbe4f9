import { current } from './coroutine.js';
import { NotInCoroutineError, TimeoutError } from './errors.js';
import { functionOf, numberIn } from './internal/arguments.js';
import { fail } from './internal/codes.js';
import { native } from './internal/native.js';
import { openScopes } from './internal/scopes.js';

/** One call of {@link timeout}. */
export class TimeoutScope {
  /** @internal */
  constructor(
    /** The limit it was given, in milliseconds. */
    readonly ms: number,
  ) {}

  /** Whether `error` is the TimeoutError by which this scope, and no other around or inside it, ended a call. */
  caused(error: unknown): error is TimeoutError {
    return error instanceof TimeoutError && error.scope === this;
  }
}

/**
 * Runs `fn` with a time limit: once `ms` milliseconds have passed, every parking call inside, the one it is in
 * included, throws a TimeoutError, until `fn` is left. Then all is as before. Code that does not park is not
 * interrupted, and if `fn` returns in spite of it all, its result counts.
 *
 * Scopes nest. Of several whose time is up the innermost ends the call; a cancellation goes before all of them. The
 * error's `scope` tells which one it was; `otherwise` is run for this one's, and only this one's, in place of throwing
 * it:
 *
 *     const page = timeout(200, () => fetchPage(url), () => cachedPage(url));
 *
 * @param ms fractions count; Infinity sets no limit
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`); TimeoutError (`ERR_TIMEOUT`); whatever `fn` throws
 */
export function timeout<R, O = never>(
  ms: number,
  fn: (scope: TimeoutScope) => R,
  otherwise?: (error: TimeoutError) => O,
): R | O {
  numberIn('ms', ms, 0, Infinity);
  functionOf('fn', fn);
  if (otherwise !== undefined) functionOf('otherwise', otherwise);
  const self = current();
  if (!self) throw new NotInCoroutineError('timeout');
  const number = native.timeoutEnter(ms);
  if (number < 0) fail(number, 'timeout');
  const scope = new TimeoutScope(ms);
  openScopes[number] = scope;
  self.limits++;
  let expiry: TimeoutError;
  try {
    return fn(scope);
  } catch (error) {
    if (otherwise === undefined || !scope.caused(error)) throw error;
    expiry = error;
  } finally {
    self.limits--;
    native.scopeLeave();
  }
  return otherwise(expiry);
}
