import { current } from '../internal/current.js';
import { native } from '../internal/native.js';
import { openLimits, TimeoutScope } from '../internal/limits.js';
import type { Coroutine } from './coroutine.js';
import { CancelledError, NotInCoroutineError, TimeoutError } from './errors.js';

/** What the code that took a signal runs in, the innermost first: scopes, and a negative number for each shield. */
type Place = readonly (object | number)[];

interface Taken {
  place: Place;
  controller: AbortController;
}

const taken = new WeakMap<Coroutine, Taken[]>();
/** Whether `currentSignal` was ever called: if not, nothing here costs time. @internal */
export let signalsTaken = false;

/**
 * An abort signal for operations that the running coroutine starts and that do not end with it: a `fetch`, a query, a child
 * process. It is aborted when the coroutine's calls end early here: by its cancellation (the reason is the CancelledError),
 * or by a `timeout` (the TimeoutError), `withSignal` (that signal's reason) or `scope` (CancelledError) around this call.
 * Inside `shield`, limits outside it do not abort the signal.
 *
 * Calls in the same scopes return the same signal. It is aborted when the coroutine's current or next parking call ends; a
 * scope that was left aborts nothing.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`)
 *
 * @example
 * ```ts
 * import { setTimeout } from 'node:timers/promises';
 * import { currentSignal, spawn, timeout, wait } from 'stackful';
 *
 * await spawn(() => {
 *   // The timer ends with the timeout, as a fetch or a query with this signal would.
 *   const work = () => wait(setTimeout(60_000, 'done', { signal: currentSignal() }));
 *   console.log(timeout(5, work, () => 'too slow')); // too slow
 * });
 * ```
 */
export function currentSignal(): AbortSignal {
  const self = current();
  if (!self) throw new NotInCoroutineError('currentSignal');
  signalsTaken = true;
  const place = native.openLimits().map((number) => (number < 0 ? number : openLimits[number]!));
  // Those that were taken in scopes it has left are of no interest any more.
  const live = (taken.get(self) ?? []).filter((one) => one.place.every((at, i) => at === place[place.length - one.place.length + i]));
  taken.set(self, live);
  const known = live.find((one) => one.place.length === place.length);
  if (known) return known.controller.signal;
  const controller = new AbortController();
  const ended = endOf(self, place);
  if (ended) controller.abort(ended.error);
  live.push({ place, controller });
  return controller.signal;
}

/** Why calls at this place end early now. */
function endOf(self: Coroutine, place: Place): { error: unknown } | undefined {
  if (self.isCancelled && !place.some(isShield)) return { error: new CancelledError(self.cancelReason) };
  const scope = openLimits[native.firedLimit()];
  if (!scope) return undefined;
  return { error: scope instanceof TimeoutScope ? new TimeoutError('currentSignal', scope) : scope.reason };
}

/**
 * Aborts the signals that `self` has taken inside `scope` (undefined: anywhere, because it is cancelled), except where a
 * shield lies between. Called only when {@link signalsTaken}.
 *
 * @internal
 */
export function abortSignals(self: Coroutine | undefined, scope: object | undefined, error: unknown): void {
  for (const { place, controller } of (self && taken.get(self)) ?? []) {
    const shield = place.findIndex(isShield);
    const within = scope === undefined ? shield < 0 : place.indexOf(scope) >= 0 && (shield < 0 || place.indexOf(scope) < shield);
    if (within) controller.abort(error);
  }
}

function isShield(at: object | number): boolean {
  return typeof at === 'number';
}
