import { channel } from 'node:diagnostics_channel';

import { functionOf } from './internal/arguments.js';
import { fail } from './internal/codes.js';
import { ParkKind } from './internal/kinds.js';
import { localsHolder, type LocalValue } from './internal/locals.js';
import { native } from './internal/native.js';
import { WaitQueue, type ParkOptions } from './internal/parking.js';
import { DEFAULT_STACK, spawnError, stackSizeOf } from './internal/stacks.js';
import { start } from './internal/start.js';
import { priorityLevel, type Priority } from './policy.js';
import { mayWaitFor, type Waitable } from './internal/waiting.js';
import { signalOf } from './signal.js';
import { appendSpawnSite, recordEnd, recordSpawnSite, recordsSpawnSites, spawnSiteOf } from './spawn_site.js';
import { defaultTimeSlice, timeSlice } from './time_slice.js';

export interface SpawnOptions {
  /** Shown by `dump()` and in errors; the function's own name if absent. */
  name?: string;
  /**
   * Address space reserved for the stack, in bytes, from 128 KiB to 64 MiB; rounded up to a power of two, 256 KiB at least.
   * Memory is used page by page as the stack deepens, and given back when it has been shallow for a while. 90 KiB of it are
   * kept for native code; a recursion past the rest is a RangeError, as on the main stack. Default 256 KiB.
   */
  stackSize?: number;
  /**
   * Which of several ready coroutines goes first, under the scheduling policy `'priority'`; using it puts that in force
   * if no policy was configured. Default `'normal'`.
   */
  priority?: Priority;
  /** Cancels the coroutine when it is aborted, with its reason. */
  signal?: AbortSignal;
  /**
   * How long it may compute without waiting, in milliseconds (1 to 5000): then others run first, wherever it is in a
   * loop or at a call. 0: as long as it likes, the default; see `configure`. Never in `atomic`, in native functions that
   * call back, nor in Node's own JavaScript.
   */
  timeSlice?: number;
}

export type CoroutineState = 'ready' | 'running' | 'parked' | 'done';

const STATES: readonly CoroutineState[] = ['ready', 'running', 'parked', 'done'];
/** native/sched/coroutine.h */
const NORMAL_PRIORITY = 2;
let defaultStack = DEFAULT_STACK;

/** Memory of a coroutine's stack, in bytes, to a page of 4096. */
export interface StackUse {
  /** In memory now. */
  resident: number;
  /**
   * High-water mark: how much of `size` it has used. An upper bound while spawn sites are not recorded: pages that an
   * earlier coroutine left on the same stack count, too.
   */
  deepest: number;
  /** What `stackSize` was rounded up to. */
  size: number;
}

/** Those that fail in a simulation without anybody hearing of it: it reports them itself. */
let unheard: Set<Coroutine<unknown>> | undefined;

// Diagnostics channels. Without a subscriber, `hasSubscribers` is a constant for the compiler.
const spawned = channel('stackful.spawn');
const ended = channel('stackful.finish');

/** Kept by themselves: looking one up in an object of a hundred functions takes longer than the call needs. */
const { park, wake, runAnother, spawn: spawnNatively } = native;

/** The live coroutines, by the slot that the scheduler knows them by. */
const table: (Coroutine<unknown> | undefined)[] = [];
let lastId = 0;

/**
 * A function running on a stack of its own. Made by {@link spawn}.
 *
 * It is also a promise of the function's result: `await` works on it anywhere. If the function throws and nobody has
 * joined or awaited the coroutine by then, that is an unhandled rejection.
 */
export class Coroutine<R = unknown> implements PromiseLike<R>, Waitable {
  readonly id: number;
  /** What `spawn` was given; undefined: the function's own, which is asked when somebody wants to know it (20 ns). */
  private readonly givenName: string | undefined;
  /** By which the scheduler knows it. @internal */
  slot = -1;
  private readonly body: () => R;
  private finished = false;
  private failed = false;
  private cancelled = false;
  private value: R | undefined;
  private error: unknown;
  /** Who waits for the end: the first who joined, and everybody else. */
  private joiner: Coroutine | undefined;
  private joiners: WaitQueue | undefined;
  private promise: Promise<R> | undefined;
  private onEnd: (() => void) | undefined;
  /** Is told of the end, and takes a failure over. @internal */
  supervisor: { childEnded(child: Coroutine, failed: boolean, error: unknown): void } | undefined;
  private settle: { resolve(value: R): void; reject(error: unknown): void } | undefined;
  /** What `cancel` was called with. @internal */
  cancelReason: unknown;
  /** Timeouts and signals it is under: what waits of it has an end of its own. @internal */
  limits = 0;
  /** What it is parked for, if that is something of other coroutines; see internal/waiting.ts. @internal */
  waitsFor: Waitable | undefined;
  /** @internal */
  locals: LocalValue | undefined = localsHolder().locals;

  /** @internal */
  constructor(body: () => R, name: string | undefined, stackSize: number, slice: number, priority = NORMAL_PRIORITY) {
    this.id = ++lastId;
    this.givenName = name;
    this.body = body;
    const slot = spawnNatively(stackSize, priority, this);
    if (slot < 0) throw spawnError(slot, stackSize);
    this.slot = slot;
    if (slice !== 0) native.setTimeSlice(slot, slice);
    table[slot] = this;
    if (recordsSpawnSites) recordSpawnSite(this);
    if (spawned.hasSubscribers) spawned.publish({ coroutine: this });
  }

  get name(): string {
    return this.givenName ?? this.body.name;
  }

  get state(): CoroutineState {
    return this.finished ? 'done' : STATES[native.state(this.slot)]!;
  }

  /** What a parked coroutine waits for, such as `socket.read fd=12 127.0.0.1:5123` or `sleep 20ms`. */
  get parkedOn(): string | undefined {
    return this.finished ? undefined : native.parkedOn(this.slot);
  }

  /**
   * Waits for the function's end and returns its result, or throws what it threw. Parks.
   *
   * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`) outside a coroutine, unless it is done already; DeadlockError
   *   (`ERR_DEADLOCK`) when this coroutine is the caller, or joins the caller, directly or not
   */
  join(options?: ParkOptions): R {
    if (!this.finished) this.awaitEnd(options);
    if (this.failed) {
      unheard?.delete(this);
      // Whoever joins takes the error over: it is no longer unhandled.
      this.promise?.catch(() => undefined);
      throw this.error;
    }
    return this.value as R;
  }

  private awaitEnd(options?: ParkOptions): void {
    const self = current();
    // Who joins first and alone, as most do, needs no place in a queue: 30 ns of 200.
    if (!self || this.joiner || this.joiners || options) {
      this.joinerQueue.park(ParkKind.join, 'join', options, this, this.id);
      return;
    }
    this.joiner = self;
    const code = mayWaitFor(self, this) || park(ParkKind.join, this.id);
    self.waitsFor = undefined;
    if (code < 0) {
      this.joiner = undefined;
      fail(code, 'join');
    }
  }

  then<A = R, B = never>(
    onFulfilled?: ((value: R) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.asPromise().then(onFulfilled, onRejected);
  }

  /**
   * Ends the coroutine early: its parking calls, the one it is in included, throw `CancelledError` from now on (inside
   * `shield`, once that is left). Does nothing to one that is done, or cancelled already: the first reason stays.
   */
  cancel(reason?: unknown): void {
    if (this.finished || this.cancelled) return;
    this.cancelled = true;
    this.cancelReason = reason;
    native.cancel(this.slot);
  }

  /** Whether somebody has called `cancel`. @internal */
  get isCancelled(): boolean {
    return this.cancelled;
  }

  /** Where others wait for the end; nobody will wake them once this is done. @internal */
  get joinerQueue(): WaitQueue {
    return (this.joiners ??= new WaitQueue());
  }

  /** As something to wait for. @internal */
  get label(): string {
    return `coroutine #${String(this.id)}${this.name ? ` ${this.name}` : ''}`;
  }

  /** @internal */
  heldBy(): Coroutine {
    return this;
  }

  /** Whether somebody has asked for its promise. @internal */
  get awaited(): boolean {
    return this.settle !== undefined;
  }

  /** Ends its present park with `code`; false when it is not parked. @internal */
  wake(code: number): boolean {
    return !this.finished && wake(this.slot, code);
  }

  /** Milliseconds since it parked, to about 1 ms; -1 when it is not parked. @internal */
  get parkedFor(): number {
    return this.finished ? -1 : native.parkedFor(this.slot);
  }

  /** The JavaScript stack of the coroutine, taken now; empty when it has not begun or is done. */
  stack(): string {
    return this.finished ? '' : native.stack(this.slot);
  }

  /** How much of its stack it uses; undefined when it is done. A system call. */
  stackUse(): StackUse | undefined {
    const use = this.finished ? undefined : native.stackUse(this.slot);
    return use && { resident: use[0], deepest: use[1], size: use[2] };
  }

  /** Where it was spawned; undefined unless `configure({ spawnSites: true })` was on then. */
  get spawnSite(): string | undefined {
    return spawnSiteOf(this);
  }

  /** Counts as failed from now on; the scheduler will never run it again. @internal */
  abandon(error: unknown): void {
    this.finished = this.failed = true;
    this.error = error;
    table[this.slot] = undefined;
    this.settle?.reject(error);
  }

  /** Cancels the coroutine when `signal` is aborted. @internal */
  cancelWith(signal: AbortSignal): void {
    const onAbort = () => { this.cancel(signal.reason); };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    // The signal may live on; it must not hold on to what is over.
    this.onEnd = () => { signal.removeEventListener('abort', onAbort); };
  }

  private asPromise(): Promise<R> {
    unheard?.delete(this);
    if (this.promise) return this.promise;
    if (!this.finished) {
      this.promise = new Promise((resolve, reject) => {
        this.settle = { resolve, reject };
      });
    } else {
      this.promise = this.failed ? Promise.reject(this.error) : Promise.resolve(this.value as R);
    }
    return this.promise;
  }

  /**
   * The frame that every stack begins with, and the only one of ours below the user's: what one more costs is told at
   * `Waiter.prepare`. Runs the coroutine in a slot, and then whoever takes the stack over. Never throws.
   *
   * @internal
   */
  static readonly runOnStack = (first: number): void => {
    let coroutine: Coroutine | undefined;
    for (let slot = first; slot >= 0; slot = runAnother(slot)) {
      coroutine = table[slot]!;
      try {
        coroutine.value = coroutine.body();
      } catch (error) {
        coroutine.threw(error);
      }
      slot = coroutine.end();
      // A stack that rests keeps nothing of who ran on it.
      // eslint-disable-next-line no-useless-assignment
      coroutine = undefined;
    }
  };

  private threw(error: unknown): void {
    this.failed = true;
    this.error = error;
    if (recordsSpawnSites) appendSpawnSite(error, this);
  }

  /** @returns the slot of whoever is to be woken now that the function has ended, or -1 */
  private end(): number {
    if (recordsSpawnSites) recordEnd(this);
    this.finished = true;
    table[this.slot] = undefined;
    this.onEnd?.();
    if (ended.hasSubscribers) ended.publish({ coroutine: this, failed: this.failed, error: this.error });
    const { joiner } = this;
    this.joiner = undefined;
    if (!this.failed && !this.joiners && !this.supervisor && !this.settle) return joiner ? joiner.slot : -1;
    this.tellEnd(joiner);
    return -1;
  }

  private tellEnd(joiner: Coroutine | undefined): void {
    // A joiner that was cancelled, or is just being, does not hear of a failure.
    let heard = joiner?.wake(0) ?? false;
    if (this.joiners && this.joiners.wakeAll() > 0) heard = true;
    if (this.supervisor) {
      this.supervisor.childEnded(this, this.failed, this.error);
      heard = true;
    }
    this.joiners = undefined;
    if (this.settle) {
      if (this.failed) this.settle.reject(this.error);
      else this.settle.resolve(this.value as R);
    } else if (this.failed && !heard && unheard) {
      unheard.add(this);
    } else if (this.failed && !heard) {
      this.promise = Promise.reject(this.error);
    }
  }
}

start(Coroutine.runOnStack);
stackSizeOf('stackSize', defaultStack);

/** What is running, in memory that the scheduler writes; reading it takes 2 ns, a call 11. @internal */
export const running = native.running();

/**
 * Starts `fn` on a stack of its own and returns at once; it runs when the caller parks, or when the main stack returns
 * to the event loop.
 *
 * @throws StackMemoryError (`ERR_STACK_MEMORY`) when stacks use as much memory as they may (see `configure`), or there is no
 *   address space for another; TooManyCoroutinesError (`ERR_TOO_MANY_COROUTINES`); RuntimeEndedError (`ERR_RUNTIME_ENDED`) in
 *   finalizers that run while the process or the worker ends; RangeError (`ERR_OUT_OF_RANGE`) for a stack size outside its
 *   limits; with a time slice UnsupportedRuntimeError (`ERR_UNSUPPORTED_RUNTIME`) where V8 is not as expected
 */
export function spawn<R>(fn: () => R, options?: SpawnOptions): Coroutine<R> {
  functionOf('fn', fn);
  if (!options) return new Coroutine(fn, undefined, defaultStack, defaultTimeSlice());
  const stackSize = options.stackSize === undefined ? defaultStack : stackSizeOf('options.stackSize', options.stackSize);
  const { signal, priority } = options;
  if (signal !== undefined) signalOf('options.signal', signal);
  const level = priority === undefined ? NORMAL_PRIORITY : priorityLevel('options.priority', priority);
  const slice = timeSlice('options.timeSlice', options.timeSlice);
  const coroutine = new Coroutine(fn, options.name, stackSize, slice, level);
  if (signal) coroutine.cancelWith(signal);
  return coroutine;
}

/** See `configure`; `bytes` has come out of `stackSizeOf`. @internal */
export function setDefaultStackSize(bytes: number): void {
  defaultStack = bytes;
}

/** The coroutine this code runs in; undefined on the main stack. */
export function current(): Coroutine | undefined {
  const slot = running[0]!;
  return slot < 0 ? undefined : table[slot];
}

/** The live coroutine in a slot. @internal */
export function coroutineAt(slot: number): Coroutine | undefined {
  return table[slot];
}

/** Every coroutine that is not done. */
export function coroutines(): Coroutine[] {
  return table.filter((c) => c !== undefined);
}

/** Where to put coroutines that fail unheard, instead of rejecting their promises; undefined ends that. @internal */
export function setUnheard(to: Set<Coroutine> | undefined): void {
  unheard = to;
}

/** The reason of the running coroutine's cancellation. @internal */
export function cancellationReason(): unknown {
  return current()?.cancelReason;
}
