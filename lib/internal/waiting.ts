import type { Coroutine } from '../coroutine.js';
import { closesCycle } from '../deadlock.js';
import { DEADLOCKED } from './codes.js';

/**
 * What other coroutines of this thread, and nobody else, can end a wait for: a lock, a channel, another coroutine. A wait
 * that names none (a promise, a socket, a timer) counts as one that the outside world may end at any time.
 */
export interface Waitable {
  /** What reports call it, such as `Mutex #3`. Only read when somebody looks. */
  readonly label: string;
  /**
   * The coroutines each of which has to act before a wait for it can end. Absent or undefined: any coroutine could end
   * it (a channel, an event).
   */
  heldBy?(): Coroutine | readonly Coroutine[] | undefined;
}

/**
 * To be called right before `self`, the running coroutine, parks for `object`, which reports name from now on: until
 * `waitsFor` is undefined again.
 *
 * @returns 0, or, when whoever has to give `object` up waits, directly or not, for `self`, a code for which `fail` throws
 *   DeadlockError. That is no deadlock if a time limit or a signal may end the wait.
 */
export function mayWaitFor(self: Coroutine, object: Waitable): number {
  const holders = object.heldBy?.();
  if (holders !== undefined && !Array.isArray(holders)) {
    const holder = holders as Coroutine;
    const bound = holder === self || (holder.waitsFor !== undefined && self.limits === 0);
    if (bound && closesCycle(self, object, holder)) return DEADLOCKED;
  }
  self.waitsFor = object;
  return 0;
}
