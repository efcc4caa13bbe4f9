import { Coroutine } from '../coroutine/coroutine.js';
import { invalidType, invalidValue, numberIn } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { native } from '../internal/native.js';
import { checkpoint, type ParkOptions } from '../internal/parking.js';
import { chooseBelow } from '../internal/random.js';
import type { Waitable } from '../internal/waiting.js';
import { Channel } from './channel.js';
import type { SendCase } from './sending.js';
import type { SharedChannel } from './shared_channel.js';
import { CoroutineCase } from './coroutine_case.js';
import type { Event } from './event.js';
import { watchPromise } from './promise_watch.js';
import { CLOSED, NOT_READY, SelectWait, type GIVES, type Selectable } from './selectable.js';
import { SharedObject } from './shared_object.js';

/** Longest timer, in milliseconds; about 285 years. */
const LONGEST = 9e12;

/** The case of a {@link select} that is ready when a time has passed. {@link after} makes one. */
class Timer implements Selectable<undefined> {
  /** @hidden */
  declare readonly [GIVES]: undefined;
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

/** The case that {@link otherwise} is. */
class Otherwise {
  /** Makes the type differ from others. @hidden */
  readonly otherwise = true;
}

export type { Otherwise, Timer };

/**
 * The case of a {@link select} that is chosen when no other case is ready: with it, `select` never waits.
 *
 * @example
 * ```ts
 * import { Channel, otherwise, select, spawn } from 'stackful';
 *
 * const news = new Channel<string>(1);
 * await spawn(() => {
 *   console.log(select({ news, otherwise }).key); // otherwise
 *   news.send('rain');
 *   console.log(select({ news, otherwise }).value); // rain
 * });
 * ```
 */
export const otherwise: Otherwise = new Otherwise();

/**
 * A case that is ready `ms` milliseconds after this call, and from then on: kept in a variable, it limits a whole loop.
 *
 * @throws RangeError (`ERR_OUT_OF_RANGE`)
 *
 * @example
 * ```ts
 * import { after, select, sleep, spawn } from 'stackful';
 *
 * const slow = spawn(() => sleep(60_000));
 * await spawn(() => {
 *   console.log(select({ slow, late: after(5) }).key); // late
 *   slow.cancel();
 * });
 * ```
 */
export function after(ms: number): Timer {
  return new Timer(numberIn('ms', ms, 0, LONGEST));
}

/**
 * The cases of {@link select}, and what each does:
 *
 * - a channel, also a {@link SharedChannel}: gives the next value; `closed` is true when the channel is closed and drained
 * - {@link sending}: sends a value
 * - a coroutine, a promise: gives its result, or throws its error
 * - an {@link Event}: is ready when the event is set
 * - {@link after}: is ready after a time
 * - `readable(socket)`, `writable(socket)` of `stackful/net`: is ready when a read (accept) or write would not wait
 * - {@link otherwise}: is chosen when no other case is ready
 */
export type SelectCase =
  | Channel<never>
  | SharedChannel<never>
  | SendCase<never>
  | Coroutine
  | Event
  | Timer
  | Otherwise
  | Selectable<unknown>
  | PromiseLike<unknown>;

/** The result of {@link select} when it chose the case `C` with the name (the index, in an array) `K`. */
export type Selected<K, C> =
  C extends Channel<infer T> | SharedChannel<infer T>
    ? { key: K; value: T; closed: false } | { key: K; value: undefined; closed: true }
    : {
        key: K;
        value: C extends Otherwise ? undefined : C extends PromiseLike<infer R> ? R : C extends Selectable<infer T> ? T : never;
        closed: false;
      };

type Index<K> = K extends `${infer N extends number}` ? N : number;

/** The result of {@link select} with the cases `C`: one of the {@link Selected} of each. */
export type SelectedOf<C> = C extends readonly unknown[]
  ? { [K in keyof C]: Selected<Index<K>, C[K]> }[number]
  : { [K in keyof C]: Selected<K, C[K]> }[keyof C];

/**
 * Waits until one of several cases is ready, and carries out that one alone. Of several ready cases it chooses one at random,
 * so a busy one does not keep out the others. Parks, unless {@link otherwise} is among them.
 *
 * @param cases named cases, or an array of them
 * @returns `key`, the name (or index) of the case; `value`, its result; `closed`
 * @throws the error of a coroutine or promise, ChannelClosedError (`ERR_CHANNEL_CLOSED`) for sending on a closed
 *   channel, NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
 *   (`ERR_TIMEOUT`), the signal's reason, TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`); then nothing was sent
 *   or received
 *
 * @example
 * ```ts
 * import { after, Channel, Event, select, spawn } from 'stackful';
 *
 * const jobs = new Channel<string>(4);
 * const stop = new Event();
 * const worker = spawn(() => {
 *   const done: string[] = [];
 *   for (;;) {
 *     const next = select({ jobs, stop, idle: after(1000) });
 *     if (next.key !== 'jobs' || next.closed) return done.join(' and ');
 *     done.push(next.value); // a string
 *   }
 * });
 * await spawn(() => {
 *   jobs.send('sweep');
 *   jobs.send('mop');
 *   jobs.close();
 *   console.log(worker.join().length); // 13
 * });
 * ```
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
  const first = chooseBelow(count);
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
    // A socket, a time or another thread ended the wait; these have no queue.
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

/** The object of a `select` whose cases only other coroutines of this thread can make ready. */
const anyOfThem: Waitable = { label: 'any of several' };

/** Returns the waiter of the case that ended the wait, or undefined for a socket, a time or another thread. Parks. */
function waitForAny(cases: readonly Selectable<unknown>[], options: ParkOptions | undefined) {
  let deadline = Infinity;
  let sockets: number[] | undefined;
  let internal = true;
  let others = false;
  for (const one of cases) {
    if (one.deadline !== undefined && one.deadline < deadline) deadline = one.deadline;
    if (one.socket !== undefined) (sockets ??= []).push(one.socket, one.forWriting ? 1 : 0);
    if (one.listen) others = true;
    if (!(one instanceof SharedObject)) internal = false;
  }
  const ms = deadline === Infinity ? -1 : Math.max(deadline - native.now(), 0);
  const wait = new SelectWait(sockets && Int32Array.from(sockets), ms, others);
  const places = cases.map((one, index) => one.selectLater?.(wait, index));
  const park = () => wait.park(ParkKind.select, 'select', options, internal && !others ? anyOfThem : undefined);
  try {
    return others ? listening(cases, park) : park();
  } finally {
    for (const place of places) place?.leave();
  }
}

/** Runs `park` while other threads can end it; not if one has made its case ready by then. */
function listening<R>(cases: readonly Selectable<unknown>[], park: () => R): R | undefined {
  const ends: (() => void)[] = [];
  try {
    for (const one of cases) {
      if (!one.listen) continue;
      const end = one.listen();
      if (!end) return undefined;
      ends.push(end);
    }
    return park();
  } finally {
    for (const end of ends) end();
  }
}
