import type { Coroutine } from '../coroutine/coroutine.js';
import { native } from './native.js';
import './start.js';

/** The running coroutine's slot, in memory that the scheduler writes: a read takes 2 ns, a call 11. See `Native.running`. */
export const running = native.running();

/** The live coroutines by slot. Only ../coroutine/coroutine.ts writes here. */
export const table: (Coroutine | undefined)[] = [];

/**
 * The running coroutine; undefined on the main stack.
 *
 * @example
 * ```ts
 * import { current, spawn } from 'stackful';
 *
 * console.log(current()); // undefined
 * console.log(await spawn(() => current()?.name, { name: 'greeter' })); // greeter
 * ```
 */
export function current(): Coroutine | undefined {
  const slot = running[0]!;
  return slot < 0 ? undefined : table[slot];
}

/** The live coroutine in a slot. */
export function coroutineAt(slot: number): Coroutine | undefined {
  return table[slot];
}

/**
 * Every coroutine that is not done.
 *
 * @example
 * ```ts
 * import { coroutines, sleep, spawn } from 'stackful';
 *
 * spawn(() => sleep(60_000), { name: 'a job' });
 * for (const coroutine of coroutines()) {
 *   if (coroutine.name === 'a job') coroutine.cancel('no longer needed');
 * }
 * ```
 */
export function coroutines(): Coroutine[] {
  return table.filter((c) => c !== undefined);
}
