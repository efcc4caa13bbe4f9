import { functionOf, invalidType } from '../internal/arguments.js';
import { current } from '../internal/current.js';
import { openLimits } from '../internal/limits.js';
import { native } from '../internal/native.js';
import { abortSignals, signalsTaken } from './current_signal.js';
import { within } from './within.js';

const LIMIT = { operation: 'withSignal', enter: native.signalEnter, outside: true };

/** Inside the limit: also where the signal is aborted already. */
function listen<R>(fn: () => R, signal: AbortSignal, number: number): R {
  const self = current();
  const onAbort = () => {
    // Where the stack overflows as the limit is left, this stays, and the number is another limit's by now.
    if (openLimits[number] !== signal) return;
    native.limitFire(number);
    if (signalsTaken) abortSignals(self, signal, signal.reason);
  };
  signal.throwIfAborted();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return fn();
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Runs `fn` under an abort signal and returns its result: once the signal is aborted, every parking call in `fn`, the current
 * one included, throws the signal's reason. It does for all calls in `fn` what the option `signal` does for one.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`); the signal's reason, at once if it was aborted before; what `fn`
 *   throws
 *
 * @example
 * ```ts
 * import { sleep, spawn, withSignal } from 'stackful';
 *
 * const stop = new AbortController();
 * const coroutine = spawn(() => {
 *   try {
 *     withSignal(stop.signal, () => sleep(60_000));
 *   } catch (error) {
 *     return `ended by ${String(error)}`;
 *   }
 * });
 * setImmediate(() => stop.abort('the user'));
 * console.log(await coroutine); // ended by the user
 * ```
 */
export function withSignal<R>(signal: AbortSignal, fn: () => R): R {
  signalOf('signal', signal);
  functionOf('fn', fn);
  return within(LIMIT, 0, signal, listen<R>, fn);
}

/** Returns `value` if it is an AbortSignal. @internal */
export function signalOf(name: string, value: unknown): AbortSignal {
  if (!(value instanceof AbortSignal)) throw invalidType(name, 'an instance of AbortSignal', value);
  return value;
}
