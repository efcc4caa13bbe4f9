import { wait } from '../async/wait.js';
import { CancelledError } from '../coroutine/errors.js';
import { shield } from '../coroutine/shield.js';
import { invalidType } from '../internal/arguments.js';
import { abandonLocksOf } from './held_locks.js';
import { runDestructors } from './key.js';
import { endWith, type Outcome } from './outcome.js';
import { runsNoMore, type Thread } from './thread.js';

/** Runs the start function of `thread` in the coroutine that is the thread, and what has to come after it. */
export function runThread<R>(thread: Thread<R>, start: () => R): void {
  thread.mayExit = true;
  let outcome = outcomeOf(thread, start);
  const { specifics } = thread;
  try {
    if (specifics) shield(() => { runDestructors(specifics); });
  } catch (error) {
    if (!('error' in outcome)) outcome = { error };
  }
  abandonLocksOf(thread.runner!);
  runsNoMore(thread.runner!);
  endWith(thread, outcome);
}

function outcomeOf<R>(thread: Thread<R>, start: () => R): Outcome<R> {
  try {
    const value = start();
    return { value: thread.exiting ? (thread.exiting.value as R) : value };
  } catch (error) {
    const cancelled = error instanceof CancelledError && thread.runner!.isCancelled;
    if (thread.exiting && (cancelled || error === thread.exiting)) return { value: thread.exiting.value as R };
    return cancelled ? { canceled: true } : { error };
  }
}

/** The start function that a module exports as `entry`. Parks. */
export function loadStart(module: string, entry: string): (arg: unknown) => unknown {
  // A cancellation before the start takes effect in the start function, as if that had been loaded before.
  const exported = shield(() => wait(import(module) as Promise<Record<string, unknown>>));
  const start = exported[entry];
  if (typeof start !== 'function') throw invalidType(`${entry} of ${module}`, 'a function', start);
  return start as (arg: unknown) => unknown;
}
