import { functionOf, numberIn } from '../internal/arguments.js';
import { native } from '../internal/native.js';
import { TimeoutScope } from '../internal/limits.js';
import type { TimeoutError } from './errors.js';
import { within } from './within.js';

const LIMIT = { operation: 'timeout', enter: native.timeoutEnter, outside: true };

function callWith<R>(fn: (scope: TimeoutScope) => R, scope: TimeoutScope): R {
  return fn(scope);
}

/**
 * Runs `fn` with a time limit: once `ms` milliseconds have passed, every parking call in `fn`, the current one included,
 * throws a TimeoutError. Code that does not park is not interrupted, and if `fn` returns after the limit, `timeout` returns
 * its result.
 *
 * Timeouts nest. Of several whose time is up, the innermost ends the call; a cancellation takes precedence over all. The
 * error's `scope` tells which one it was. With `otherwise`, this timeout's own TimeoutError is not thrown: `timeout` returns
 * the result of `otherwise`.
 *
 * @param ms fractions count; Infinity sets no limit
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`); TimeoutError (`ERR_TIMEOUT`); what `fn` throws
 *
 * @example
 * ```ts
 * import { sleep, spawn, timeout } from 'stackful';
 *
 * const slowPage = () => (sleep(60_000), 'a page');
 * await spawn(() => {
 *   console.log(timeout(5, slowPage, () => 'a page from the cache')); // a page from the cache
 *   try {
 *     timeout(5, slowPage);
 *   } catch (error) {
 *     console.log((error as NodeJS.ErrnoException).code); // ERR_TIMEOUT
 *   }
 * });
 * ```
 */
export function timeout<R, O = never>(
  ms: number,
  fn: (scope: TimeoutScope) => R,
  otherwise?: (error: TimeoutError) => O,
): R | O {
  numberIn('ms', ms, 0, Infinity);
  functionOf('fn', fn);
  if (otherwise !== undefined) functionOf('otherwise', otherwise);
  const scope = new TimeoutScope(ms);
  try {
    return within(LIMIT, ms, scope, callWith<R>, fn);
  } catch (error) {
    if (otherwise === undefined || !scope.caused(error)) throw error;
    return otherwise(error);
  }
}
