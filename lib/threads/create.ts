import { moduleOf } from '../async/worker_module.js';
import { spawn } from '../coroutine/coroutine.js';
import { booleanOf, invalidType } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { checkName } from './control_block.js';
import { loadStart, runThread } from './run_thread.js';
import { runIn, Thread } from './thread.js';

/** The options of {@link create}. */
export interface CreateOptions {
  /** At most 63 bytes of UTF-8, shown in errors and reports; the name of a start function if absent. */
  name?: string;
  /** The export of the module that is the start function. Default `'default'`. */
  entry?: string;
  /** Whether it cannot be joined: see {@link detach}. Default false. */
  detached?: boolean;
  /** The size of the stack: see `spawn` of `stackful`. */
  stackSize?: number;
}

const KNOWN = new Set(['name', 'entry', 'detached', 'stackSize']);

/** @throws TypeError (`ERR_UNKNOWN_OPTION`, `ERR_INVALID_ARG_TYPE`), ThreadError (`ERANGE`) */
export function checkCreateOptions(options: CreateOptions): void {
  knownOptions('create', options, KNOWN);
  const { name, entry, detached } = options;
  if (name !== undefined && typeof name !== 'string') throw invalidType('options.name', 'of type string', name);
  if (entry !== undefined && typeof entry !== 'string') throw invalidType('options.entry', 'of type string', entry);
  if (name !== undefined) checkName('create', name);
  if (detached !== undefined) booleanOf('options.detached', detached);
}

/**
 * Starts a thread, which is a coroutine, and returns at once. The thread calls `start(arg)`. Never parks; callable anywhere.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), ThreadError (`ERANGE`), what `spawn` of `stackful` throws
 *
 * @example
 * ```ts
 * import { create, join } from 'stackful/threads';
 *
 * await create(() => {
 *   const squares = [1, 2, 3].map((n) => create((base: number) => base * base, n));
 *   console.log(squares.map((thread) => join(thread)).join(' ')); // 1 4 9
 * });
 * ```
 */
export function create<R, A = undefined>(start: (arg: A) => R, arg?: A, options?: CreateOptions): Thread<R>;
/**
 * The same for a function that a module exports, as its default or as `options.entry` says: the form that `create` of `over('workers')`
 * takes, too. There `arg` is copied: see {@link over}. A module that cannot be loaded makes the thread fail, so that `join` throws.
 *
 * @param start a URL, an absolute path, a path that begins with `./` or `../` (from the working directory), or the name of a package
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), ThreadError (`ERANGE`), what `spawn` of `stackful` throws; over
 *   workers TypeError (`ERR_INVALID_ARG_VALUE`) and DataCloneError for an argument that cannot be passed
 *
 * @example
 * ```ts
 * import { writeFileSync } from 'node:fs';
 * import { create, join } from 'stackful/threads';
 *
 * writeFileSync('./halve.mjs', 'export const halve = (n) => n / 2;');
 * await create(() => {
 *   const thread = create<number>('./halve.mjs', 42, { entry: 'halve' });
 *   console.log(join(thread)); // 21
 * });
 * ```
 */
export function create<R = unknown>(start: URL | string, arg?: unknown, options?: CreateOptions): Thread<R>;
export function create<R>(start: ((arg: never) => R) | URL | string, arg?: unknown, options: CreateOptions = {}): Thread<R> {
  checkCreateOptions(options);
  const { name, entry = 'default', detached, stackSize } = options;
  const run = typeof start === 'function' ? start : undefined;
  const module = run ? undefined : moduleOf('start', start as URL | string);
  const thread = new Thread<R>({ name: name ?? run?.name, detached });
  const begin = () => (run ?? (loadStart(module!, entry) as (arg: never) => R))(arg as never);
  const coroutine = spawn(() => { runThread(thread, begin); }, { name: name ?? run?.name, stackSize });
  runIn(coroutine, thread);
  thread.ending = coroutine;
  return thread;
}
