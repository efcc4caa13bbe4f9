import { availableParallelism } from 'node:os';

import type Tinypool from 'tinypool';

import { invalidType } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { noSeam } from '../internal/outside.js';
import { checkpoint, Waiter, type ParkOptions } from '../internal/parking.js';
import { wait } from './wait.js';
import { moduleOf, restored } from './worker_module.js';

const IDLE_MS = 10_000;

/** A worker's answer; see ./offload_worker.js. */
type Outcome = { value: unknown } | { error: unknown; details: object };

/** Made at the first call; its workers end after {@link IDLE_MS} idle. */
let pool: Promise<Tinypool> | undefined;

async function makePool(): Promise<Tinypool> {
  const { default: Pool } = await import('tinypool');
  return new Pool({
    filename: new URL('./offload_worker.js', import.meta.url).href,
    minThreads: 0,
    maxThreads: availableParallelism(),
    idleTimeout: IDLE_MS,
  });
}

/**
 * Runs CPU work on another thread: calls the default export of `workerModule` there with `args`, and returns its result (or
 * its promise's value), or throws its error. Arguments and result are copied as by `postMessage`; errors keep their simple
 * properties, such as `code`, and lose their class. Parks.
 *
 * If the wait is interrupted, the worker is terminated.
 *
 * @param workerModule a URL, an absolute path, a path that begins with `./` or `../` (from the working directory), or the
 *   name of a package
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the
 *   signal's reason; TypeError (`ERR_INVALID_ARG_TYPE`); DataCloneError for a value that cannot be copied
 *
 * @example
 * ```ts
 * import { writeFileSync } from 'node:fs';
 * import { offload, spawn } from 'stackful';
 *
 * writeFileSync('./digest.mjs', `
 *   import { createHash } from 'node:crypto';
 *   export default (text) => createHash('sha256').update(text).digest('hex').slice(0, 8);
 * `);
 * await spawn(() => {
 *   const digest = offload<string>('./digest.mjs', ['a long text']);
 *   console.log(digest.length); // 8
 * });
 * ```
 */
export function offload<T>(workerModule: string | URL, args: readonly unknown[] = [], options?: ParkOptions): T {
  if (!Array.isArray(args)) throw invalidType('args', 'an array', args);
  const module = moduleOf('workerModule', workerModule);
  checkpoint('offload');
  options?.signal?.throwIfAborted();
  noSeam('offload');
  const workers = wait((pool ??= makePool()), options);
  const waiter = new Waiter('offload');
  const given = new AbortController();
  let failed = false;
  let result: unknown;
  (workers.run({ module, args }, { signal: given.signal }) as Promise<Outcome>).then(
    (outcome) => {
      if (!waiter.wake()) return;
      failed = 'error' in outcome;
      result = 'error' in outcome ? restored(outcome.error, outcome.details) : outcome.value;
    },
    (error: unknown) => {
      if (!waiter.wake()) return;
      failed = true;
      result = error;
    },
  );
  try {
    waiter.park(ParkKind.offload, 'offload', options);
  } catch (error) {
    given.abort();
    throw error;
  }
  if (failed) throw result;
  return result as T;
}
