import { current, running, type Coroutine } from '../coroutine.js';
import { NotInCoroutineError } from '../errors.js';
import { withSignal } from '../signal.js';
import { fail } from './codes.js';
import type { ParkKind } from './kinds.js';
import { native } from './native.js';
import { mayWaitFor, type Waitable } from './waiting.js';

/** Kept by itself: looking it up in an object of a hundred functions takes longer than the call needs. */
const { park } = native;

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

/** In place of a wake's code: it has come already. */
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
    if (options?.signal) return parkUnder(options.signal, this, kind, operation, object, number);
    return this.settle(this.prepare(object) || park(kind, number), operation);
  }

  /**
   * The first half of a park whose native call is made by the caller itself, in place of {@link park}:
   *
   *     return waiter.settle(waiter.prepare(object) || native.park(kind, number), 'mutex.lock');
   *
   * Helpers before and after the call, and none around it: every JavaScript frame of a parked coroutine costs each full
   * collection 0.23 us and 150 bytes of stack.
   *
   * @returns 0: park now; if not, there is nothing to wait for
   */
  prepare(object?: Waitable): number {
    if (this.stage !== Stage.preparing) return WOKEN;
    this.stage = Stage.parked;
    return object ? mayWaitFor(this.coroutine, object) : 0;
  }

  /** The second half: the wait is over, and `code` is how it ended. Returns and throws what {@link park} does. */
  settle(code: number, operation: string): T {
    this.stage = Stage.over;
    this.coroutine.waitsFor = undefined;
    if (code < 0) fail(code, operation);
    return this.value as T;
  }

  /** Whether a `wake` would end the wait. */
  get waiting(): boolean {
    return this.stage === Stage.preparing || (this.stage === Stage.parked && this.coroutine.state === 'parked');
  }
}

/** In a function of its own, because its variables outlive their frames: they would be allocated at every park. */
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
  /** The one who has waited longest. */
  first: Waiter<T> | undefined = undefined;
  private last: Waiter<T> | undefined = undefined;

  get empty(): boolean {
    return this.first === undefined;
  }

  /**
   * Parks the running coroutine at the end of the queue; see {@link Waiter.park}. If that throws, it has left it.
   *
   * @param waiter one that knows more, if need be
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
