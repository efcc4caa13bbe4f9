import { functionOf } from '../internal/arguments.js';
import { localsHolder } from './locals.js';

/**
 * A variable of which every coroutine has its own value. A coroutine begins with the values of its spawner.
 *
 * @example
 * ```ts
 * import { CoroutineLocal, spawn } from 'stackful';
 *
 * const requestId = new CoroutineLocal<string>();
 * const log = (text: string) => `${String(requestId.get())}: ${text}`;
 * await spawn(() => {
 *   const line = requestId.run('a1', () => spawn(() => log('started')).join());
 *   console.log(line); // a1: started
 * });
 * ```
 */
export class CoroutineLocal<T> {
  /** The value given to the innermost `run` around this call; undefined outside any. */
  get(): T | undefined {
    for (let at = localsHolder().locals; at; at = at.below) {
      if (at.local === this) return at.value as T;
    }
    return undefined;
  }

  /** Runs `fn` with the variable set to `value`, and returns its result. */
  run<R>(value: T, fn: () => R): R {
    functionOf('fn', fn);
    const holder = localsHolder();
    const below = holder.locals;
    holder.locals = { local: this, value, below };
    try {
      return fn();
    } finally {
      holder.locals = below;
    }
  }
}
