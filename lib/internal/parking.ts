import { current, running, type Coroutine } from '../coroutine.js';
import { NotInCoroutineError } from '../errors.js';
import { withSignal } from '../signal.js';
import { fail } from './codes.js';
import type { ParkKind } from './kinds.js';
import { native } from './native.js';
import { parkBehind, parkFor, type Waitable } from './waiting.js';

/**
 * The way in which everything written in TypeScript parks. Whoever goes through here keeps the rules of a parking call
 * without more ado: only the coroutine stops; `cancel`, `timeout`, `shield`, `atomic` and a signal do what they
 * promise; on the main stack there is a clear error.
 *
 * A primitive mostly needs a {@link WaitQueue} only:
 *
 *     lock(options?: ParkOptions) {
 *       if (this.locked) this.queue.park(ParkKind.mutex, 'mutex.lock', options, this);   // woken: the lock is ours
 *       else this.locked = true;
 *     }
 *     unlock() {
 *       if (!this.queue.wakeOne()) this.locked = false;
 *     }
 *
 * What makes this safe:
 *
 * - `wake` says whether it is what ended the wait. After `true` the waiter returns from `park` normally, even if it is
 *   cancelled before it gets to run (then its next parking call throws), so what was handed over is never lost. After
 *   `false` it has been, or is being, ended by something else and did not get anything: ask the next one.
 * - A waiter is good for one park. A wake that comes late finds it over, and touches no later park of that coroutine,
 *   nor another coroutine in its place.
 * - A wake may come before the park: then `park` returns at once.
 * - No other coroutine runs between two statements here unless one of them parks: time slices do not end while the
 *   newest frame is the library's.
 */

/** What every parking call takes as its last argument. */
export interface ParkOptions {
  /** Ends the call with the signal's reason. */
  signal?: AbortSignal;
}

const enum Stage {
  preparing,
  parked,
  woken,
  over,
}

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
    // Not as class fields, which V8 initialises in a call of their own: a third of what a waiter costs.
    this.stage = Stage.preparing;
    this.value = undefined;
    this.next = undefined;
    this.previous = undefined;
    this.queued = false;
  }

  /**
   * Ends the wait, with what `park` is to return. May be called anywhere, any number of times.
   *
   * @returns whether this is what ended it; if not, nothing has happened
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
   * Stops the coroutine until `wake`, and returns what that was given. Once, by the coroutine that made the waiter.
   *
   * @param kind what the coroutine waits for, as `parkedOn` tells it
   * @param operation the call to name in errors
   * @param object what reports name, if it is other coroutines that it waits for: see ./waiting.ts
   * @param number shown by `parkedOn` behind a `#`, if it is not 0
   * @throws DeadlockError when whoever holds `object` waits, directly or not, for this coroutine; CancelledError, TimeoutError, the signal's reason, AtomicSectionError: then the waiter is over and has to be
   *   taken out of whatever list it is in
   */
  park(kind: ParkKind, operation: string, options?: ParkOptions, object?: Waitable, number = 0): T {
    const signal = options?.signal;
    if (signal) return withSignal(signal, () => this.park(kind, operation, undefined, object, number));
    if (this.stage === Stage.preparing) {
      this.stage = Stage.parked;
      const code = this.stop(kind, object, number);
      if (code < 0) {
        this.stage = Stage.over;
        fail(code, operation);
      }
    }
    this.stage = Stage.over;
    return this.value as T;
  }

  protected stop(kind: ParkKind, object: Waitable | undefined, number: number): number {
    return object ? parkVisibly(this.coroutine, object, kind, number) : native.park(kind, number);
  }

  /** Whether a `wake` would end the wait. */
  get waiting(): boolean {
    return this.stage === Stage.preparing || (this.stage === Stage.parked && this.coroutine.state === 'parked');
  }
}

/** Parks `self` for something that other coroutines have; that is no deadlock if a time limit or a signal may end it. @internal */
export function parkVisibly(self: Coroutine, object: Waitable, kind: ParkKind, number: number): number {
  const holders = object.heldBy?.();
  if (holders === undefined || Array.isArray(holders) || (self.limits > 0 && holders !== self)) return parkFor(self, object, kind, number);
  return parkBehind(self, object, holders as Coroutine, kind, number);
}

/** Coroutines that wait for the same thing, in order of arrival. Every method takes constant time per waiter. */
export class WaitQueue<T = void> {
  /** The one who has waited longest. */
  first: Waiter<T> | undefined = undefined;
  private last: Waiter<T> | undefined = undefined;

  get empty(): boolean {
    return this.first === undefined;
  }

  /** Parks the running coroutine at the end of the queue; see {@link Waiter.park}. If that throws, it has left it. */
  park(kind: ParkKind, operation: string, options?: ParkOptions, object?: Waitable, number = 0): T {
    return this.parkAs(new Waiter<T>(operation), kind, operation, options, object, number);
  }

  /** The same with a waiter that the caller has made, and that knows more. */
  parkAs(
    waiter: Waiter<T>,
    kind: ParkKind,
    operation: string,
    options?: ParkOptions,
    object?: Waitable,
    number = 0,
  ): T {
    this.push(waiter);
    try {
      return waiter.park(kind, operation, options, object, number);
    } catch (error) {
      // Woken, it has been taken out, and may be in another queue by now.
      this.remove(waiter);
      throw error;
    }
  }

  /** Wakes the one who has waited longest, leaving out those that something else has ended. False: there is none. */
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

  /** The one who has waited longest, which is no longer in the queue then. */
  shift(): Waiter<T> | undefined {
    const waiter = this.first;
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

/**
 * Ends, before it has begun, a call that would not park this time: with what a parking call would throw here. For
 * primitives whose call has something to do even where nobody needs to wait. Returns the running coroutine.
 */
export function checkpoint(operation: string, options?: ParkOptions): Coroutine {
  const code = running[1]!;
  if (code < 0) fail(code, operation);
  const self = current();
  if (!self) throw new NotInCoroutineError(operation);
  options?.signal?.throwIfAborted();
  return self;
}
