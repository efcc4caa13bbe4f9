import { current } from './coroutine.js';
import { NotInCoroutineError } from './errors.js';
import { functionOf, invalidType } from './internal/arguments.js';
import { fail } from './internal/codes.js';
import { native } from './internal/native.js';
import { openScopes } from './internal/scopes.js';

/**
 * Runs `fn` under an abort signal: once it is aborted, every parking call inside, the one it is in included, throws the
 * signal's reason, until `fn` is left. What a parking call does with its own `signal`, for any number of calls.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`); the signal's reason, at once if it is aborted already; whatever
 *   `fn` throws
 */
export function withSignal<R>(signal: AbortSignal, fn: () => R): R {
  signalOf('signal', signal);
  functionOf('fn', fn);
  const self = current();
  if (!self) throw new NotInCoroutineError('withSignal');
  const number = native.signalEnter();
  if (number < 0) fail(number, 'withSignal');
  openScopes[number] = signal;
  self.limits++;
  const onAbort = () => { native.scopeFire(number); };
  try {
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    return fn();
  } finally {
    signal.removeEventListener('abort', onAbort);
    openScopes[number] = undefined;
    self.limits--;
    native.scopeLeave();
  }
}

/** Returns `value` if it is an AbortSignal. @internal */
export function signalOf(name: string, value: unknown): AbortSignal {
  if (!(value instanceof AbortSignal)) throw invalidType(name, 'an instance of AbortSignal', value);
  return value;
}
