import { functionOf } from './internal/arguments.js';
import { localsHolder } from './internal/locals.js';

/**
 * A variable of which every coroutine has its own value. A coroutine begins with the values of whoever spawned it.
 *
 * ```ts
 * const requestId = new CoroutineLocal<string>();
 * requestId.run('a1', () => handle(request));   // requestId.get() is 'a1' in handle and in what it spawns
 * ```
 */
export class CoroutineLocal<T> {
  /** The value that the innermost `run` around this call gave; undefined outside any. */
  get(): T | undefined {
    for (let at = localsHolder().locals; at; at = at.below) {
      if (at.local === this) return at.value as T;
    }
    return undefined;
  }

  /** Runs `fn`, in which the variable has `value`, and returns what it returns. */
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
