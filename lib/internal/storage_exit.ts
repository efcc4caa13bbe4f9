import { AsyncLocalStorage } from 'node:async_hooks';

import { native } from './native.js';

interface Storage {
  exit: (this: AsyncLocalStorage<unknown>, fn: (...args: unknown[]) => unknown, ...args: unknown[]) => unknown;
  _enable?: unknown;
}

/**
 * `AsyncLocalStorage.exit` disables the storage for the whole thread while its function runs (Node 20 and 22, and later ones
 * without async context frames): while that is parked, other coroutines would find no store. In a coroutine `exit` now does
 * what it does in Node 24: it runs the function without a store.
 */
export function guardStorageExit(): void {
  const prototype = AsyncLocalStorage.prototype as unknown as Storage;
  if (prototype._enable === undefined) return;
  const { exit } = prototype;
  prototype.exit = function (fn, ...args) {
    if (native.current() < 0) return Reflect.apply(exit, this, [fn, ...args]);
    return this.run(undefined, () => Reflect.apply(fn, undefined, args));
  };
}
