import { simulating } from '../internal/simulating.js';
import type { Thread } from './thread.js';

/** What `join` returns for a thread that was cancelled: POSIX's `PTHREAD_CANCELED`. */
export const CANCELED: unique symbol = Symbol('stackful.threads.CANCELED');

/** How a thread can end. */
export type Outcome<R> = { readonly value: R } | { readonly canceled: true } | { readonly error: unknown };

/** The failures that no join has received yet, by the numbers of the threads. */
const unheard = new Map<number, unknown>();
/** Once its object has been collected, no thread can join it. */
const collected = new FinalizationRegistry<number>(report);
let watching = false;

/**
 * The thread has ended. A failure waits for a join; it becomes an unhandled rejection when none can come: the thread is detached, its
 * object has been collected, or nothing is left that runs.
 *
 * @throws the failure, in a run of `simulate`
 */
export function endWith<R>(thread: Thread<R>, outcome: Outcome<R>): void {
  thread.outcome = outcome;
  if (!('error' in outcome)) return;
  // The run is over before anything could tell that no join comes, and has its own eye on coroutines that fail.
  if (simulating.on) throw outcome.error;
  unheard.set(thread.id, outcome.error);
  // An error whose stack has not been read keeps the frames' receivers in memory: the coroutine, and so the thread.
  if (outcome.error instanceof Error) void outcome.error.stack;
  if (thread.fate === 'detached') report(thread.id);
  else collected.register(thread, thread.id);
  if (watching) return;
  watching = true;
  process.on('beforeExit', () => { for (const id of unheard.keys()) report(id); });
}

/**
 * What joining the thread gives, which has ended.
 *
 * @param value the result of a coroutine that `create` did not make, and that has no outcome of a thread
 */
export function heard<R>({ id, outcome }: Thread<R>, value: unknown): R | typeof CANCELED {
  unheard.delete(id);
  if (!outcome) return value as R;
  if ('error' in outcome) throw outcome.error;
  return 'canceled' in outcome ? CANCELED : outcome.value;
}

/** Makes the failure of a thread that none will join an unhandled rejection. */
export function report(id: number): void {
  if (!unheard.has(id)) return;
  const error = unheard.get(id);
  unheard.delete(id);
  void Promise.reject(error);
}
