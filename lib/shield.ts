import { functionOf } from './internal/arguments.js';
import { fail } from './internal/codes.js';
import { native } from './internal/native.js';

const NOT_IN_COROUTINE = -10001;

/**
 * Runs `fn` to its end: a cancellation, and timeouts and signals from around it, wait until it is left and take effect
 * at the next parking call. Those inside it work as ever. For cleaning up:
 *
 *     try { work(); } finally { shield(() => connection.sayGoodbye()); }
 *
 * On the main stack, where nothing can be interrupted, it only runs `fn`.
 */
export function shield<R>(fn: () => R): R {
  functionOf('fn', fn);
  const number = native.shieldEnter();
  if (number === NOT_IN_COROUTINE) return fn();
  if (number < 0) fail(number, 'shield');
  try {
    return fn();
  } finally {
    native.scopeLeave();
  }
}
