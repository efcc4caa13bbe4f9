import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import type Tinypool from 'tinypool';

import { invalidType } from './internal/arguments.js';
import { ParkKind } from './internal/kinds.js';
import { checkpoint, Waiter, type ParkOptions } from './internal/parking.js';
import { wait } from './wait.js';

const IDLE_MS = 10_000;

/** What a worker answers: ./internal/offload_worker.js. */
type Outcome = { value: unknown } | { error: unknown; details: object };

function restored(error: unknown, details: object): unknown {
  return error instanceof Error ? Object.assign(error, details) : error;
}

/** Made when it is first needed; its workers end when they have been idle for a while. */
let pool: Promise<Tinypool> | undefined;

async function makePool(): Promise<Tinypool> {
  const { default: Pool } = await import('tinypool');
  return new Pool({
    filename: new URL('./internal/offload_worker.js', import.meta.url).href,
    minThreads: 0,
    maxThreads: availableParallelism(),
    idleTimeout: IDLE_MS,
  });
}

/**
 * Runs CPU work on another thread: calls the default export of `workerModule` there with `args`, and returns what it
 * returns (or what its promise is fulfilled with), or throws what it throws. Arguments and result are copied as
 * `postMessage` does; errors keep their simple properties, such as `code`, and lose their class. Parks.
 *
 * If the wait is ended, so is the work: its worker is terminated.
 *
 * @param workerModule a URL, an absolute path, a path that begins with `./` or `../` (from the working directory), or the
 *   name of a package
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError, TimeoutError, the signal's reason; DataCloneError
 *   for what cannot be copied
 */
export function offload<T>(workerModule: string | URL, args: readonly unknown[] = [], options?: ParkOptions): T {
  if (!Array.isArray(args)) throw invalidType('args', 'an array', args);
  const module = moduleOf(workerModule);
  checkpoint('offload');
  options?.signal?.throwIfAborted();
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

function moduleOf(workerModule: string | URL): string {
  if (workerModule instanceof URL) return workerModule.href;
  if (typeof workerModule !== 'string') throw invalidType('workerModule', 'of type string or an instance of URL', workerModule);
  if (/^\.{0,2}\//.test(workerModule)) return pathToFileURL(resolve(workerModule)).href;
  if (URL.canParse(workerModule)) return workerModule;
  // A package of the program's, not of ours.
  return pathToFileURL(createRequire(resolve('package.json')).resolve(workerModule)).href;
}
