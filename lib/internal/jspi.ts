import { CannotParkError } from '../coroutine/errors.js';

/** The two entries to V8's JSPI, WebAssembly whose stack can be suspended. Node 26 has it, Node 24 behind a flag. */
const NAMES = ['promising', 'Suspending'] as const;

const REASON =
  'in a thread that has coroutines, V8 collects a suspended WebAssembly stack once for each of them and corrupts its heap; ' +
  'use it in a worker that does not import stackful';

/**
 * Refuses JSPI in this thread, from now on: V8 visits the stacks that JSPI has suspended once for every archived thread, and
 * to V8 a parked coroutine is an archived thread. A collection then moves their objects twice, even if no coroutine is parked
 * below WebAssembly. Coroutines may park below ordinary WebAssembly. Returns why that cannot be done, or undefined.
 */
export function refuseSuspendableWasm(): string | undefined {
  // With --jitless there is none.
  const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly?: Record<string, unknown> };
  if (!wasm) return undefined;
  for (const name of NAMES) {
    if (typeof wasm[name] !== 'function') continue;
    const { configurable } = Object.getOwnPropertyDescriptor(wasm, name)!;
    if (!configurable) return 'that nothing suspends WebAssembly, because its functions are frozen';
    const refuse = function () {
      throw new CannotParkError(`WebAssembly.${name}`, REASON);
    };
    Object.defineProperty(refuse, 'name', { value: name });
    Object.defineProperty(wasm, name, { value: refuse, writable: true, enumerable: false, configurable: true });
  }
  return undefined;
}
