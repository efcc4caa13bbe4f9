import { spawn } from '../coroutine/coroutine.js';
import { checkSpawnOptions, type SpawnOptions } from '../coroutine/spawn_options.js';
import { functionOf } from '../internal/arguments.js';

/**
 * Makes a function for test runners (vitest, Jest, Mocha, node:test): each call runs `fn` in a coroutine, where it can wait in calls
 * that park, and returns a promise of its result. It takes what the runner gives, `this` too, but has length 0, because some
 * runners give a callback to wait for to a function that names a parameter. vitest finds the fixtures that `fn` names.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`)
 *
 * @example
 * ```ts
 * import { sleep } from 'stackful';
 * import { inCoroutine } from 'stackful/embed';
 *
 * const body = inCoroutine((part: string) => {
 *   sleep(1);
 *   return `waited for ${part}`;
 * });
 * // it('waits', body) in a runner
 * console.log(await body('it')); // waited for it
 * ```
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- for where TypeScript does not know what the runner gives
export function inCoroutine<This, A extends any[], R>(
  fn: (this: This, ...args: A) => R,
  options: SpawnOptions = {},
): (this: This, ...args: A) => Promise<Awaited<R>> {
  functionOf('fn', fn);
  checkSpawnOptions(options);
  function run(this: This, ...args: A): Promise<Awaited<R>> {
    const task = spawn(() => Reflect.apply(fn, this, args), options);
    if (options.name === undefined) task.nameBy(() => fn.name);
    return task.promise as Promise<Awaited<R>>;
  }
  Object.defineProperties(run, {
    name: { value: fn.name },
    // vitest reads the names of fixtures from a function's text.
    toString: { value: () => Function.prototype.toString.call(fn) },
  });
  return run;
}
