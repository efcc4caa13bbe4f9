import { functionOf } from '../internal/arguments.js';
import { current } from '../internal/current.js';
import { native } from '../internal/native.js';
import { within } from './within.js';

const LIMIT = { operation: 'shield', enter: native.shieldEnter, outside: false };

function callIt<R>(fn: () => R): R {
  return fn();
}

/**
 * Runs `fn` to its end and returns its result: a cancellation, and timeouts and signals around `shield`, take effect only at
 * the first parking call after it. Timeouts and signals inside `fn` work as always. It is meant for cleaning up.
 *
 * On the main stack, where nothing can be interrupted, `shield` only runs `fn`.
 *
 * @example
 * ```ts
 * import { shield, sleep, spawn, timeout } from 'stackful';
 *
 * await spawn(() => {
 *   try {
 *     timeout(2, () => {
 *       try {
 *         sleep(60_000);
 *       } finally {
 *         shield(() => sleep(1)); // such as the end of a protocol: it may wait although the time is up
 *         console.log('said goodbye'); // said goodbye
 *       }
 *     });
 *   } catch (error) {
 *     console.log((error as Error).name); // TimeoutError
 *   }
 * });
 * ```
 */
export function shield<R>(fn: () => R): R {
  functionOf('fn', fn);
  if (!current()) return fn();
  return within(LIMIT, 0, undefined, callIt<R>, fn);
}
