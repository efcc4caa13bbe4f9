import { Script } from 'node:vm';

import { native } from './native.js';

type Run = (this: Script, ...args: unknown[]) => unknown;

/** The methods, and which of their arguments holds the options. The functions of `node:vm` go through them. */
const METHODS = { runInThisContext: 0, runInContext: 1, runInNewContext: 1 } as const;

interface Limits {
  timeout?: number;
  breakOnSigint?: boolean;
}

/**
 * Code that `node:vm` is to end after a time, or at Ctrl-C, must not give way to other coroutines: V8 then ends whatever
 * runs at that moment, without its `finally` blocks, and the whole runtime with it (exit code 13 and no message). So it is
 * an atomic section: a call inside that can park throws AtomicSectionError, and time slices are held off.
 */
export function guardVmTimeouts(): void {
  const methods = Script.prototype as unknown as Record<string, Run>;
  for (const [name, place] of Object.entries(METHODS)) {
    const original = methods[name]!;
    const guarded: Run = function (...args) {
      const options = args[place] as Limits | undefined;
      const limited = options?.timeout !== undefined || options?.breakOnSigint === true;
      if (!limited || !native.atomicEnter()) return Reflect.apply(original, this, args);
      try {
        return Reflect.apply(original, this, args);
      } finally {
        native.atomicLeave();
      }
    };
    Object.defineProperty(guarded, 'name', { value: name });
    Object.defineProperty(guarded, 'length', { value: original.length });
    methods[name] = guarded;
  }
}
