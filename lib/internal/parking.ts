import type { Coroutine } from '../coroutine/coroutine.js';
import { NotInCoroutineError } from '../coroutine/errors.js';
import { withSignal } from '../coroutine/signal.js';
import { mayWaitFor } from '../observe/deadlock.js';
import { fail } from './codes.js';
import { current, running } from './current.js';
import type { ParkKind } from './kinds.js';
import { native } from './native.js';
import { knownOptions } from './options.js';
import { checkTurn } from './turn.js';
import type { Waitable } from './waiting.js';

/** A constant: looking it up in an object of a hundred functions takes longer than the call itself. */
const { park } = native;

/**
 * All TypeScript code parks through this module, which keeps the rules of a parking call: only the coroutine stops; `cancel`,
 * `timeout`, `shield`, `atomic` and a signal do what they promise; on the main stack the call throws a clear error.
 *
 * Most primitives need only a {@link WaitQueue}:
 *
 *     lock(options?: ParkOptions) {
 *       if (this.locked) this.queue.park(ParkKind.mutex, 'mutex.lock', options, this);   // woken: the lock is ours
 *       else this.locked = true;
 *     }
 *     unlock() {
 *       if (!this.queue.wakeOne()) this.locked = false;
 *     }
 *
 * Four rules make this safe:
 *
 * - `wake` returns whether it ended the wait. After `true` the waiter returns from `park` normally, even if it is cancelled
 *   before it runs (then its next parking call throws), so what was handed over is never lost. After `false` something else
 *   ends the wait, and the waiter gets nothing: wake the next one.
 * - A waiter serves one park. A late wake finds it over, and affects neither a later park of that coroutine nor another
 *   coroutine in its slot.
 * - A wake may come before the park: then `park` returns at once.
 * - No other coroutine runs between two statements here unless one of them parks: time slices do not end while the
 *   newest frame is the library's.
 */

/** The last argument of every parking call. */
export interface ParkOptions {
  /** Aborting it ends the call: it throws the signal's reason. */
  signal?: AbortSignal;
}

const KNOWN = new Set(['signal']);

/** @throws TypeError (`ERR_UNKNOWN_OPTION`) for an option that parking calls do not have */
export function parkOptions(operation: string, options: ParkOptions): void {
  knownOptions(operation, options, KNOWN);
}

/** The signal among the options of a parking call; throws as {@link parkOptions}. */
export function signalIn(operation: string, options: ParkOptions | undefined, known = KNOWN): AbortSignal | undefined {
  if (!options) return undefined;
  knownOptions(operation, options, known);
  return options.signal;
}

const enum Stage {
  preparing,
  parked,
  woken,
  over,
}

/** The result of `prepare` when the wake came before the park. */
const WOKEN = 1;

/** One wait of the running coroutine, from before it parks until it goes on. */
export class Waiter<T = void> {
  /** @internal */
  declare readonly coroutine: Coroutine;
  private declare stage: Stage;
  private declare value: T | undefined;
  /** The neighbours in a {@link WaitQueue}. @internal */
  declare next: Waiter<T> | undefined;
  /** @internal */
  declare previous: Waiter<T> | undefined;
  /** @internal */
  declare queued: boolean;

  /** @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), for `operation` */
  constructor(operation: string, self = current()) {
    if (!self) throw new NotInCoroutineError(operation);
    this.coroutine = self;
    // V8 would initialise class fields in a call of their own: a third of a waiter's cost.
    this.stage = Stage.preparing;
    this.value = undefined;
    this.next = undefined;
    this.previous = undefined;
    this.queued = false;
  }

  /**
   * Ends the wait; `park` returns `value`. May be called anywhere, any number of times.
   *
   * @returns whether this call ended the wait; if not, it did nothing
   * @internal
   */
  wake(value: T): boolean {
    if (this.stage === Stage.preparing || (this.stage === Stage.parked && this.coroutine.wake(0))) {
      this.stage = Stage.woken;
      this.value = value;
      return true;
    }
    return false;
  }

  /**
   * Stops the coroutine until `wake`, and returns the value given to that. Only the coroutine that made the waiter may call
   * it, and once. After an error the waiter is over, and the caller must remove it from the list that it is in. Parks.
   *
   * @param kind what the coroutine waits for, as `parkedOn` tells it
   * @param operation the call to name in errors
   * @param object what reports name, if only other coroutines can end the wait: see ./waiting.ts
   * @param number shown by `parkedOn` behind a `#`, if it is not 0
   * @throws DeadlockError when the holder of `object` waits, directly or not, for this coroutine; CancelledError,
   *   TimeoutError, the signal's reason, AtomicSectionError
   * @internal
   */
  park(kind: ParkKind, operation: string, options?: ParkOptions, object?: Waitable, number = 0): T {
    if (options?.signal) return parkUnder(options.signal, this, kind, operation, object, number);
    return this.settle(this.prepare(object) || park(kind, number), operation);
  }

  /**
   * The first half of {@link park} for a caller that makes the native call itself:
   *
   *     return waiter.settle(waiter.prepare(object) || native.park(kind, number), 'mutex.lock');
   *
   * The helpers come before and after the call, none around it: each JavaScript frame of a parked coroutine costs 0.23 us at
   * every full collection, and 150 bytes of stack.
   *
   * @returns 0: park now; otherwise the code for {@link settle}, without parking
   * @internal
   */
  prepare(object?: Waitable): number {
    if (this.stage !== Stage.preparing) return WOKEN;
    this.stage = Stage.parked;
    return object ? mayWaitFor(this.coroutine, object) : 0;
  }

  /** The second half: the wait has ended with `code`. Returns and throws as {@link park}. @internal */
  settle(code: number, operation: string): T {
    this.stage = Stage.over;
    if (code < 0) this.throwFor(code, operation);
    this.coroutine.waitsFor = undefined;
    return this.value as T;
  }

  private throwFor(code: number, operation: string): never {
    const { waitsFor } = this.coroutine;
    this.coroutine.waitsFor = undefined;
    fail(code, operation, undefined, undefined, waitsFor);
  }

  /** Whether a `wake` would end the wait. @internal */
  get waiting(): boolean {
    return this.stage === Stage.preparing || (this.stage === Stage.parked && this.coroutine.state === 'parked');
  }
}

/** A function of its own, because the closure's variables would be allocated at every park. */
function parkUnder<T>(
  signal: AbortSignal,
  waiter: Waiter<T>,
  kind: ParkKind,
  operation: string,
  object: Waitable | undefined,
  number: number,
): T {
  return withSignal(signal, () => waiter.park(kind, operation, undefined, object, number));
}

/** Coroutines that wait for the same thing, in order of arrival. Every method takes constant time per waiter. */
export class WaitQueue<T = void> {
  /** The one that has waited longest. */
  first: Waiter<T> | undefined = undefined;
  private last: Waiter<T> | undefined = undefined;

  get empty(): boolean {
    return this.first === undefined;
  }

  /**
   * Parks the running coroutine at the end of the queue; see {@link Waiter.park}. If that throws, the coroutine has left the
   * queue. Parks.
   *
   * @param waiter one of a subclass that carries more data
   */
  park(
    kind: ParkKind,
    operation: string,
    options?: ParkOptions,
    object?: Waitable,
    number = 0,
    waiter = new Waiter<T>(operation),
  ): T {
    this.push(waiter);
    try {
      if (options?.signal) return parkUnder(options.signal, waiter, kind, operation, object, number);
      return waiter.settle(waiter.prepare(object) || park(kind, number), operation);
    } catch (error) {
      // Does nothing if it was woken, which has taken it out.
      this.remove(waiter);
      throw error;
    }
  }

  /** Wakes the one that has waited longest, skipping waits that something else has ended. False: there is none. */
  wakeOne(value: T): boolean {
    for (let waiter = this.shift(); waiter; waiter = this.shift()) {
      if (waiter.wake(value)) return true;
    }
    return false;
  }

  /** Wakes all, and returns how many. */
  wakeAll(value: T): number {
    let woken = 0;
    while (this.wakeOne(value)) woken++;
    return woken;
  }

  push(waiter: Waiter<T>): void {
    waiter.queued = true;
    waiter.previous = this.last;
    if (this.last) this.last.next = waiter;
    else this.first = waiter;
    this.last = waiter;
  }

  /** Removes and returns the one that has waited longest. */
  shift(): Waiter<T> | undefined {
    const waiter = this.first;
    if (waiter) this.remove(waiter);
    return waiter;
  }

  /** Removes and returns the one that came last. */
  pop(): Waiter<T> | undefined {
    const waiter = this.last;
    if (waiter) this.remove(waiter);
    return waiter;
  }

  /** Does nothing to a waiter that is not in a queue. */
  remove(waiter: Waiter<T>): void {
    if (!waiter.queued) return;
    waiter.queued = false;
    const { next, previous } = waiter;
    if (previous) previous.next = next;
    else this.first = next;
    if (next) next.previous = previous;
    else this.last = previous;
    waiter.next = waiter.previous = undefined;
  }
}

/** {@link checkTurn}, and a check of the call's own signal. Returns the running coroutine. Parks. */
export function checkpoint(operation: string, options?: ParkOptions): Coroutine {
  checkTurn(operation);
  if (options) {
    parkOptions(operation, options);
    options.signal?.throwIfAborted();
  }
  return current()!;
}

/**
 * After {@link checkpoint}, for a call that changes something before it parks: where it could not park it throws now, with nothing
 * changed.
 */
export function checkParking(operation: string): void {
  const code = native.mayPark();
  if (code < 0) fail(code, operation);
}

/** Like {@link checkpoint}, for a call that never parks. */
export function checkInterruption(operation: string): Coroutine {
  const code = running[1]!;
  if (code < 0) fail(code, operation);
  const self = current();
  if (!self) throw new NotInCoroutineError(operation);
  return self;
}
