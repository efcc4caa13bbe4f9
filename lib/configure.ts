import { setDefaultStackSize } from './coroutine.js';
import { setDeadlockMode, type DeadlockMode } from './deadlock.js';
import { oneOf } from './internal/arguments.js';

/** What {@link configure} can set; whatever is absent stays as it is. */
export interface Configuration {
  /** Stack size, in bytes, of coroutines spawned without a `stackSize`. Default 256 KiB. */
  stackSize?: number;
  /** What happens when coroutines wait for each other and nobody else can wake them. Default `'report'`. */
  deadlock?: DeadlockMode;
}

/**
 * Sets this thread's defaults. Affects coroutines spawned from now on.
 *
 * @throws RangeError (`ERR_OUT_OF_RANGE`) for a value outside its limits; nothing is changed then
 */
export function configure(options: Configuration): void {
  if (options.deadlock !== undefined) oneOf('options.deadlock', options.deadlock, ['throw', 'report', 'off']);
  if (options.stackSize !== undefined) setDefaultStackSize('options.stackSize', options.stackSize);
  if (options.deadlock !== undefined) setDeadlockMode(options.deadlock);
}
