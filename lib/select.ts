import { Channel, type SendCase } from './channel.js';
import { Coroutine } from './coroutine.js';
import type { Event } from './event.js';
import { invalidType, invalidValue, numberIn } from './internal/arguments.js';
import { CoroutineCase } from './internal/coroutine_case.js';
import { ParkKind } from './internal/kinds.js';
import { native } from './internal/native.js';
import { watchPromise } from './internal/promise_watch.js';
import { randomBelow } from './internal/random.js';
import { checkpoint, type ParkOptions } from './internal/parking.js';
import { CLOSED, NOT_READY, SelectWait, type Selectable } from './internal/selectable.js';
import { SharedObject } from './internal/shared_object.js';
import type { Waitable } from './internal/waiting.js';

/** Longest timer, in milliseconds; about 285 years. */
const LONGEST = 9e12;

/** The case of a {@link select} that is chosen when a time has passed. Made by {@link after}. */
class Timer implements Selectable<undefined> {
  /** @internal */
  readonly deadline: number;

  constructor(ms: number) {
    this.deadline = native.now() + ms;
  }

  /** @internal */
  selectNow(): undefined | typeof NOT_READY {
    return native.now() >= this.deadline ? undefined : NOT_READY;
  }
}

class Otherwise {
  /** Tells the type from others. @internal */
  readonly otherwise = true;
}

export type { Otherwise, Timer };

/** The case of a {@link select} that is chosen when no other can be at once: with it, `select` never waits. */
export const otherwise: Otherwise = new Otherwise();

/**
 * A case that is ready `ms` milliseconds after this call, and from then on: kept in a variable, it limits a whole loop.
 *
 * @throws RangeError (`ERR_OUT_OF_RANGE`)
 */
export function after(ms: number): Timer {
  return new Timer(numberIn('ms', ms, 0, LONGEST));
}

/**
 * What {@link select} can wait for, and what it does or gives:
 *
 * - a channel: the next value; `closed` is true when there will be none
 * - {@link sending}: sends a value
 * - a coroutine, a promise: its result, or throws its error
 * - an {@link Event}: that it is set
 * - {@link after}: a time
 * - `readable(socket)`, `writable(socket)` of `stackful/net`: that a read (accept) or write would not wait
 * - {@link otherwise}: that nothing else is ready
 */
export type SelectCase =
  | Channel<never>
  | SendCase<never>
  | Coroutine
  | Event
  | Timer
  | Otherwise
  | Selectable<unknown>
  | PromiseLike<unknown>;

/** What {@link select} says about the case `C` with the name (the place, in an array) `K`. */
export type Selected<K, C> =
  C extends Channel<infer T>
    ? { key: K; value: T; closed: false } | { key: K; value: undefined; closed: true }
    : {
        key: K;
        value: C extends Otherwise ? undefined : C extends PromiseLike<infer R> ? R : C extends Selectable<infer T> ? T : never;
        closed: false;
      };

type Index<K> = K extends `${infer N extends number}` ? N : number;

export type SelectedOf<C> = C extends readonly unknown[]
  ? { [K in keyof C]: Selected<Index<K>, C[K]> }[number]
  : { [K in keyof C]: Selected<K, C[K]> }[keyof C];

/**
 * Waits for the first of several things, and does or takes that one alone. Of those that are ready one is chosen at
 * random, so none is kept out by a busier one. Parks, unless there is an {@link otherwise} among them.
 *
 * ```ts
 * const next = select({ job: jobs, stop: stopped, idle: after(1000) });
 * if (next.key === 'job' && !next.closed) run(next.value);
 * ```
 *
 * @param cases named cases, or an array of them
 * @returns `key`, the name (or place) of the case; `value`, what it gave; `closed`
 * @throws what a coroutine or promise failed with, ChannelClosedError (`ERR_CHANNEL_CLOSED`) for sending on a closed
 *   channel, NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
 *   (`ERR_TIMEOUT`), the signal's reason; nothing has been sent or received then
 */
export function select<const C extends readonly SelectCase[]>(cases: C, options?: ParkOptions): SelectedOf<C>;
export function select<const C extends Readonly<Record<string, SelectCase>>>(cases: C, options?: ParkOptions): SelectedOf<C>;
export function select(cases: Readonly<Record<string, SelectCase>> | readonly SelectCase[], options?: ParkOptions): unknown {
  checkpoint('select', options);
  const names = Array.isArray(cases) ? undefined : Object.keys(cases);
  const list = (names ? Object.values(cases) : cases) as readonly SelectCase[];
  const count = list.length;
  if (count === 0) throw invalidValue('cases', 'not empty: nothing would ever end the wait', cases);
  const name = (index: number) => (names ? names[index]! : index);

  let fallback = -1;
  const cased = new Array<Selectable<unknown>>(count);
  const first = randomBelow(count);
  for (let i = 0; i < count; i++) {
    const index = first + i < count ? first + i : first + i - count;
    const one = list[index]!;
    if (one === otherwise) {
      fallback = index;
      continue;
    }
    const value = (cased[index] = selectable(one)).selectNow();
    if (value !== NOT_READY) return outcome(name(index), value);
  }
  if (fallback >= 0) return outcome(name(fallback), undefined);

  for (;;) {
    const chosen = waitForAny(cased, options);
    if (chosen) return outcome(name(chosen.index), cased[chosen.index]!.selectResult!(chosen.result));
    // A socket or a time: they have no queue of ours.
    for (let index = 0; index < count; index++) {
      if (cased[index]!.selectLater) continue;
      const value = cased[index]!.selectNow();
      if (value !== NOT_READY) return outcome(name(index), value);
    }
  }
}

function selectable(one: SelectCase): Selectable<unknown> {
  if (one instanceof Channel) return one;
  if (typeof (one as Partial<Selectable<unknown>> | null)?.selectNow === 'function') return one as Selectable<unknown>;
  if (one instanceof Coroutine) return new CoroutineCase(one);
  if (typeof (one as Partial<PromiseLike<unknown>> | null)?.then === 'function') {
    return watchPromise(one as PromiseLike<unknown>);
  }
  throw invalidType('cases', 'made of channels, coroutines, promises, events and what after() and sending() make', one);
}

function outcome(key: string | number, value: unknown) {
  return value === CLOSED ? { key, value: undefined, closed: true } : { key, value, closed: false };
}

/** What a `select` waits for where only other coroutines of this thread can end it. */
const anyOfThem: Waitable = { label: 'any of several' };

/** Parks; returns the place that was woken in the queue of its case, or undefined for a socket or a time. */
function waitForAny(cases: readonly Selectable<unknown>[], options: ParkOptions | undefined) {
  let deadline = Infinity;
  let sockets: number[] | undefined;
  let internal = true;
  for (const one of cases) {
    if (one.deadline !== undefined && one.deadline < deadline) deadline = one.deadline;
    if (one.socket !== undefined) (sockets ??= []).push(one.socket, one.forWriting ? 1 : 0);
    if (!(one instanceof SharedObject)) internal = false;
  }
  const ms = deadline === Infinity ? -1 : Math.max(deadline - native.now(), 0);
  const wait = new SelectWait(sockets && Int32Array.from(sockets), ms);
  const places = cases.map((one, index) => one.selectLater?.(wait, index));
  try {
    return wait.park(ParkKind.select, 'select', options, internal ? anyOfThem : undefined);
  } finally {
    for (const place of places) place?.leave();
  }
}
