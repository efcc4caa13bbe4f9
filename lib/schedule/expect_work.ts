import { numberIn } from '../internal/arguments.js';
import { check } from '../internal/codes.js';
import { native } from '../internal/native.js';

const MOST_MS = 1e9;

/**
 * Tells the scheduling policy `'srpt'` for how much longer the running coroutine will compute: it need not be exact, and the time that
 * it runs from now on is taken off. It holds until the next call, and in a server until the next request of the connection. Under other
 * policies it does nothing.
 *
 * @param ms 0 or more; waits do not count
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), RangeError (`ERR_OUT_OF_RANGE`)
 *
 * @example
 * ```ts
 * import { configure, expectWork, spawn, yieldNow } from 'stackful';
 *
 * configure({ schedulingPolicy: 'srpt' });
 * const order: string[] = [];
 * const job = (name: string, ms: number) => spawn(() => {
 *   expectWork(ms);
 *   yieldNow();
 *   order.push(name);
 * });
 * await Promise.all([job('long', 40), job('short', 1), job('middle', 20)]);
 * console.log(order.join(', ')); // short, middle, long
 * configure({ schedulingPolicy: 'fifo' });
 * ```
 */
export function expectWork(ms: number): void {
  numberIn('ms', ms, 0, MOST_MS);
  check(native.expectWork(ms), 'expectWork');
}
