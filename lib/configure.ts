import { setDefaultStackSize } from './coroutine.js';

/** What {@link configure} can set; whatever is absent stays as it is. */
export interface Configuration {
  /** Stack size, in bytes, of coroutines spawned without a `stackSize`. Default 256 KiB. */
  stackSize?: number;
}

/**
 * Sets this thread's defaults. Affects coroutines spawned from now on.
 *
 * @throws RangeError (`ERR_OUT_OF_RANGE`) for a value outside its limits; nothing is changed then
 */
export function configure(options: Configuration): void {
  if (options.stackSize !== undefined) setDefaultStackSize('options.stackSize', options.stackSize);
}
