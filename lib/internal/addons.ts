import { native } from './native.js';

/**
 * Tells the engine of every addon that is loaded from now on, because Node counts the open scopes of each, and a coroutine
 * that parks below an addon's frames takes the counts along. The engine does not know an addon until it is loaded, so loading
 * is an atomic section: JavaScript that the initialisation calls throws AtomicSectionError where it would park.
 */
export function watchAddons(): void {
  // `Reflect.apply` below passes the right `this`.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { dlopen } = process;
  const watched: typeof dlopen = function (this: NodeJS.Process, ...args) {
    const inside = native.atomicEnter();
    try {
      Reflect.apply(dlopen, this, args);
    } finally {
      if (inside) native.atomicLeave();
      native.addonLoaded();
    }
  };
  Object.defineProperty(watched, 'name', { value: 'dlopen' });
  Object.defineProperty(watched, 'length', { value: dlopen.length });
  process.dlopen = watched;
}
