import { inspect } from 'node:util';

import { native } from './native.js';

/**
 * Events of `process` that Node emits on the current stack: `process.exit()` in a coroutine runs the 'exit' listeners there,
 * and native code that calls JavaScript from a coroutine reports an uncaught exception there.
 */
const EVENTS: ReadonlySet<unknown> = new Set(['exit', 'beforeExit', 'uncaughtException', 'uncaughtExceptionMonitor']);

let event: string | undefined;

/** The event of `process` whose listeners run on a coroutine's stack now; undefined if none do. */
export function processEvent(): string | undefined {
  return event;
}

/**
 * Makes a park in listeners of those events throw NotInCoroutineError, as on the main stack. A parked 'exit' listener would
 * let all other coroutines go on, for good if nothing wakes it, and Node needs an 'uncaughtException' listener to return.
 *
 * This wraps `emit`, because a listener of ours would come after those that are prepended later, and `process.exit` may have
 * been imported by name.
 */
export function guardProcessEvents(): void {
  const own = Object.hasOwn(process, 'emit') ? process.emit.bind(process) as typeof guarded : undefined;
  function guarded(this: NodeJS.Process, name: string | symbol, ...args: unknown[]): boolean {
    // Looked up at every call: `domain` replaces the `emit` of all emitters.
    const emit = own ?? (Object.getPrototypeOf(process) as { emit: typeof guarded }).emit;
    if (!EVENTS.has(name) || !native.atomicEnter()) return Reflect.apply(emit, this, [name, ...args]);
    const outer = event;
    event = name as string;
    try {
      return Reflect.apply(emit, this, [name, ...args]);
    } catch (error) {
      if (name !== 'exit') throw error;
      // On the main stack the error would end the process, with the same exit code; here a caller may catch it, such as a
      // server that answers 500 and goes on.
      native.writeToStderr(`Uncaught in an 'exit' listener: ${inspect(error)}\n`);
      return true;
    } finally {
      event = outer;
      native.atomicLeave();
    }
  }
  Object.defineProperty(guarded, 'name', { value: 'emit' });
  process.emit = guarded as typeof process.emit;
}
