import { channel } from 'node:diagnostics_channel';

import { functionOf } from '../internal/arguments.js';
import { fail } from '../internal/codes.js';
import { current, running, table } from '../internal/current.js';
import { guardModules } from '../internal/half_loaded.js';
import { ParkKind, STATES, type CoroutineState } from '../internal/kinds.js';
import { nameOf } from '../internal/names.js';
import { native, owns } from '../internal/native.js';
import { parkDetails } from '../internal/park_details.js';
import { parkOptions, WaitQueue, type ParkOptions } from '../internal/parking.js';
import { showInConsole } from '../internal/shown.js';
import { checkTurn } from '../internal/turn.js';
import type { Waitable } from '../internal/waiting.js';
import { mayWaitFor } from '../observe/deadlock.js';
import { appendCoroutine, appendSpawnSite, recordEnd, recordSpawnSite, recordsSpawnSites, spawnSiteOf } from '../observe/spawn_site.js';
import { withImportance } from '../schedule/importance.js';
import { namesJobs, NORMAL_PRIORITY, priorityLevel } from '../schedule/policy_in_force.js';
import { shareOf } from '../schedule/share.js';
import { defaultTimeSlice, timeSlice } from '../schedule/time_slice.js';
import { atomic } from './atomic.js';
import { abortSignals, signalsTaken } from './current_signal.js';
import { CancelledError, TerminatedError } from './errors.js';
import { localsHolder, type LocalValue } from './locals.js';
import { signalOf } from './signal.js';
import { checkSpawnOptions, type SpawnOptions } from './spawn_options.js';
import { defaultStack, spawnError, stackSizeOf, type StackUse } from './stacks.js';

export type { CoroutineState, SpawnOptions, StackUse };

let lastId = 0;

/** The coroutines of a simulation whose failure no join, await or scope has received; the simulation reports them itself. */
let unheard: Set<Coroutine<unknown>> | undefined;

// Diagnostics channels. Without a subscriber, `hasSubscribers` is a constant for the compiler.
const spawned = channel('stackful.spawn');
const ended = channel('stackful.finish');

/** Constants: looking one up in an object of a hundred functions takes longer than the call itself. */
const { park, wake, runAnother, spawn: spawnNatively } = native;

/**
 * A function running on a stack of its own. {@link spawn} makes one.
 *
 * A coroutine is also a promise of the function's result: `await` works on it anywhere. If the function throws before
 * anything joins or awaits the coroutine, that is an unhandled rejection, except when the coroutine was cancelled and the
 * error is the CancelledError. Joining or awaiting it throws that, too.
 *
 * @example
 * ```ts
 * import { sleep, spawn } from 'stackful';
 *
 * const worker = spawn(() => sleep(60_000), { name: 'worker' });
 * await spawn(() => {
 *   sleep(1);
 *   console.log(worker.state, worker.parkedOn); // parked sleep 60000ms
 *   worker.cancel('no longer needed');
 * });
 * ```
 */
export class Coroutine<R = unknown> implements PromiseLike<R>, Waitable {
  /** Its number in this thread, from 1 on; never used again. */
  readonly id: number;
  /** The name given to `spawn`; undefined: the function's own, read only when needed (20 ns). */
  private givenName: string | (() => string) | undefined;
  /** The scheduler's number for it. @internal */
  slot = -1;
  private readonly body: () => R;
  private finished = false;
  private failed = false;
  /** Whether `cancel` was called. @internal */
  isCancelled = false;
  private value: R | undefined;
  private error: unknown;
  /** The first coroutine that joined; `joiners` has all others. */
  private joiner: Coroutine | undefined;
  private joiners: WaitQueue | undefined;
  private settled: Promise<R> | undefined;
  private onEnd: (() => void) | undefined;
  /** The scope that is told of the end, and handles a failure. @internal */
  supervisor: { childEnded(child: Coroutine, failed: boolean, error: unknown): void } | undefined;
  private settle: { resolve(value: R): void; reject(error: unknown): void } | undefined;
  /** The argument of `cancel`. @internal */
  cancelReason: unknown;
  /** How many timeouts and signals it is under: with one, a wait can end without another coroutine. @internal */
  limits = 0;
  /** What it is parked on, if only other coroutines can end that wait; see internal/waiting.ts. @internal */
  waitsFor: Waitable | undefined;
  /** @internal */
  locals: LocalValue | undefined = localsHolder().locals;

  /** @internal */
  constructor(body: () => R, name: string | undefined, stackSize: number, slice: number, priority = NORMAL_PRIORITY, held = false) {
    this.id = ++lastId;
    this.givenName = name;
    this.body = body;
    const slot = held ? spawnNatively(stackSize, priority, this, true) : spawnNatively(stackSize, priority, this);
    if (slot < 0) throw spawnError(slot, stackSize);
    this.slot = slot;
    if (slice !== 0) native.setTimeSlice(slot, slice);
    table[slot] = this;
    if (recordsSpawnSites) recordSpawnSite(this);
    if (namesJobs) native.nameSpawned(slot, body);
    if (spawned.hasSubscribers) spawned.publish({ coroutine: this });
  }

  /** The name given to `spawn`, or else that of the function. */
  get name(): string {
    const name = this.givenName ?? this.body.name;
    return typeof name === 'string' ? name : name();
  }

  /** From now on every read of the name calls `name`. @internal */
  nameBy(name: () => string): void {
    this.givenName = name;
  }

  /** What it does at the moment. */
  get state(): CoroutineState {
    return this.finished ? 'done' : STATES[native.state(this.slot)]!;
  }

  /** What a parked coroutine waits for, such as `socket.read fd=12 127.0.0.1:5123` or `sleep 20ms`. */
  get parkedOn(): string | undefined {
    return this.finished ? undefined : (parkDetails.get(this)?.() ?? native.parkedOn(this.slot));
  }

  /**
   * Waits for the function's end and returns its result, or throws what it threw. Parks.
   *
   * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`) outside a coroutine, unless this one is done; DeadlockError
   *   (`ERR_DEADLOCK`) when this coroutine is the caller, or joins the caller, directly or not
   */
  join(options?: ParkOptions): R {
    if (!this.finished) this.awaitEnd(options);
    else if (running[0]! >= 0) checkTurn('join');
    if (this.failed) {
      unheard?.delete(this);
      // The joiner handles the error: it is no longer unhandled.
      this.settled?.catch(() => undefined);
      throw this.error;
    }
    return this.value as R;
  }

  private awaitEnd(options?: ParkOptions): void {
    const self = current();
    if (options) parkOptions('join', options);
    // The first joiner, mostly the only one, is not queued: that saves 30 ns of 200.
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
    return this.promise.then(onFulfilled, onRejected);
  }

  /**
   * Ends the coroutine early: its parking calls, the current one included, throw `CancelledError` from now on (inside
   * `shield`, once that is left). It does nothing to a coroutine that is done or was cancelled before: the first reason stays.
   */
  cancel(reason?: unknown): void {
    if (this.finished || this.isCancelled) return;
    this.isCancelled = true;
    this.cancelReason = reason;
    native.cancel(this.slot);
    if (signalsTaken) abortSignals(this, undefined, new CancelledError(reason));
  }

  /** Whether it failed by its own cancellation, which counts as no failure. @internal */
  get endedAsTold(): boolean {
    return this.failed && this.isCancelled && this.error instanceof CancelledError;
  }

  /** The coroutines that wait for the end; none may be added after it, because nothing would wake them. @internal */
  get joinerQueue(): WaitQueue {
    return (this.joiners ??= new WaitQueue());
  }

  /** Its name as a Waitable. @internal */
  get label(): string {
    return `coroutine ${nameOf(this)}`;
  }

  /** @internal */
  heldBy(): Coroutine {
    return this;
  }

  /** Whether its promise was read before the end. @internal */
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

  /** The JavaScript stack of the coroutine now; empty when it has not begun or is done. */
  stack(): string {
    return this.finished ? '' : native.stack(this.slot);
  }

  /** How much of its stack it uses; undefined when it is done. Makes a system call. */
  stackUse(): StackUse | undefined {
    const use = this.finished ? undefined : native.stackUse(this.slot);
    return use && { resident: use[0], deepest: use[1], size: use[2] };
  }

  /** Where it was spawned; undefined unless `configure({ spawnSites: true })` was called before. */
  get spawnSite(): string | undefined {
    return spawnSiteOf(this);
  }

  /** Marks it as failed; the scheduler never runs it again. @internal */
  abandon(error: unknown): void {
    this.finished = this.failed = true;
    this.error = error;
    table[this.slot] = undefined;
    this.settle?.reject(error);
  }

  /** Cancels the coroutine when `signal` is aborted, with its reason or another. @internal */
  cancelWith(signal: AbortSignal, reason?: unknown): void {
    const onAbort = () => { this.cancel(reason ?? signal.reason); };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    // The signal may outlive the coroutine, and must not keep it in memory.
    this.onEnd = () => { signal.removeEventListener('abort', onAbort); };
  }

  /**
   * A promise of the function's result, for code that needs a real one and not only an object with `then` (Express's
   * handlers, `util.types.isPromise`). Reading it counts as awaiting the coroutine: the reader handles a failure.
   */
  get promise(): Promise<R> {
    unheard?.delete(this);
    if (this.settled) return this.settled;
    if (!this.finished) {
      this.settled = new Promise((resolve, reject) => {
        this.settle = { resolve, reject };
      });
    } else {
      this.settled = this.failed ? Promise.reject(this.error) : Promise.resolve(this.value as R);
    }
    return this.settled;
  }

  /**
   * The first frame of every stack, and the only one of ours below the user's (`Waiter.prepare` has the cost of one more).
   * Runs the coroutine in a slot, then each coroutine that takes the stack over. Never throws.
   *
   * A negative `first`: the coroutine in slot -1 - `first` was ended from outside, without its `catch` and `finally` blocks.
   *
   * @internal
   */
  static readonly runOnStack = (first: number): boolean | undefined => {
    if (first < 0) return table[-1 - first]?.terminated();
    for (let slot = first, coroutine: Coroutine | undefined; slot >= 0; slot = runAnother(slot)) {
      coroutine = table[slot]!;
      try {
        coroutine.value = coroutine.body();
        // Like the line before, so that V8 puts the function to call into the same register: the resting stack must not keep the last one.
        coroutine.onEnd = coroutine.over();
      } catch (error) {
        coroutine.error = error;
        error = undefined; // eslint-disable-line no-ex-assign -- nor what it has thrown, which is no argument of the call, therefore
        coroutine.threw();
      }
      slot = coroutine.tell();
      coroutine = undefined; // eslint-disable-line no-useless-assignment -- nor the coroutine
    }
    return undefined;
  };

  private terminated(): true {
    this.error = new TerminatedError(this);
    this.threw();
    this.tell();
    return true;
  }

  private threw(): void {
    this.failed = true;
    if (recordsSpawnSites) appendSpawnSite(this.error, this);
    this.onEnd = this.over();
  }

  /** It is over, which no coroutine has been told yet. Returns undefined, the `onEnd` from now on. Never throws. */
  private over(): undefined {
    if (recordsSpawnSites) recordEnd(this);
    this.finished = true;
    table[this.slot] = undefined;
    this.onEnd?.();
    // The coroutine is over: a subscriber must not park on its stack.
    if (ended.hasSubscribers) atomic(() => { ended.publish({ coroutine: this, failed: this.failed, error: this.error }); });
  }

  /** Tells those that wait for its end. @returns the slot of the joiner that `runAnother` is to wake, or -1 */
  private tell(): number {
    const { joiner } = this;
    this.joiner = undefined;
    if (!this.failed && !this.joiners && !this.supervisor && !this.settle) return joiner ? joiner.slot : -1;
    this.tellEnd(joiner);
    return -1;
  }

  private tellEnd(joiner: Coroutine | undefined): void {
    // A cancelled joiner does not receive the failure.
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
    } else if (this.failed && !heard && !this.endedAsTold) {
      if (unheard) {
        unheard.add(this);
      } else {
        appendCoroutine(this.error, this);
        this.settled = Promise.reject(this.error);
      }
    }
  }
}

if (owns) {
  native.setBody(Coroutine.runOnStack);
  guardModules();
}
showInConsole(Coroutine.prototype);
stackSizeOf('stackSize', defaultStack);

/**
 * Starts `fn` on a stack of its own and returns at once; `fn` runs when the caller parks, or when the main stack returns to
 * the event loop.
 *
 * @throws StackMemoryError (`ERR_STACK_MEMORY`) when stacks use as much memory as they may (see `configure`), or there is no
 *   address space for another; TooManyCoroutinesError (`ERR_TOO_MANY_COROUTINES`); RuntimeEndedError (`ERR_RUNTIME_ENDED`) in
 *   finalizers that run while the process or the worker ends; RangeError (`ERR_OUT_OF_RANGE`) for a stack size outside its
 *   limits; TypeError (`ERR_UNKNOWN_OPTION`); with a time slice UnsupportedRuntimeError (`ERR_UNSUPPORTED_RUNTIME`) where V8
 *   does not have the expected layout
 *
 * @example
 * ```ts
 * import { sleep, spawn } from 'stackful';
 *
 * const sum = await spawn(() => {
 *   const left = spawn(() => (sleep(2), 1), { name: 'left' });
 *   const right = spawn(() => (sleep(2), 2), { name: 'right' });
 *   return left.join() + right.join(); // both sleep at the same time
 * });
 * console.log(sum); // 3
 * ```
 */
export function spawn<R>(fn: () => R, options?: SpawnOptions): Coroutine<R> {
  functionOf('fn', fn);
  if (!options) return new Coroutine(fn, undefined, defaultStack, defaultTimeSlice());
  checkSpawnOptions(options);
  const stackSize = options.stackSize === undefined ? defaultStack : stackSizeOf('options.stackSize', options.stackSize);
  const { signal, priority, bvt, importance } = options;
  if (signal !== undefined) signalOf('options.signal', signal);
  const level = priority === undefined ? NORMAL_PRIORITY : priorityLevel('options.priority', priority);
  const share = bvt === undefined ? undefined : shareOf('options.bvt', bvt);
  const body = importance === undefined ? fn : withImportance('options.importance', importance, fn);
  const coroutine = new Coroutine(body, options.name, stackSize, timeSlice('options.timeSlice', options.timeSlice), level);
  share?.join(coroutine.slot);
  if (signal) coroutine.cancelWith(signal);
  return coroutine;
}

/** Collects in `to` the coroutines whose failure nothing received, instead of rejecting their promises. @internal */
export function setUnheard(to: Set<Coroutine> | undefined): void {
  unheard = to;
}
