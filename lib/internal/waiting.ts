import type { Coroutine } from '../coroutine.js';
import { closesCycle } from '../deadlock.js';
import { DEADLOCKED } from './codes.js';
import { native } from './native.js';

/** Kept by itself: looking it up in an object of a hundred functions takes longer than the call needs. */
const { park } = native;

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

/** Parks `self`, the running coroutine, and lets it be seen what for. Returns the wake's code. */
export function parkFor(self: Coroutine, object: Waitable, kind: number, number = 0): number {
  self.waitsFor = object;
  const code = park(kind, number);
  self.waitsFor = undefined;
  return code;
}

/**
 * The same for what `holder` has to give up first. Does not park when `holder` waits, directly or not, for `self`:
 * returns a code for which `check` throws DeadlockError.
 */
export function parkBehind(self: Coroutine, object: Waitable, holder: Coroutine, kind: number, number = 0): number {
  if ((holder.waitsFor !== undefined || holder === self) && closesCycle(self, object, holder)) return DEADLOCKED;
  return parkFor(self, object, kind, number);
}
