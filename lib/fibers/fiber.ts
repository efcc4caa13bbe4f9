/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-function-type -- programs compile against the types of
   @types/fibers, which say no more */
import { fail } from '../internal/codes.js';
import { native } from '../internal/native.js';
import { NOT_RESUMABLE } from '../internal/results.js';
import { currentFiber, FiberCoroutine, FiberState, finish, stacksMade } from './activation.js';
import { FiberParkedError } from './errors.js';

/** Constants: looking one up in an object of a hundred functions takes longer than the call itself. */
const { resume, suspend } = native;

/** A function on a stack of its own that its callers resume. */
export interface Fiber {
  /** Whether it has begun and is not finished. */
  readonly started: boolean;
  /**
   * Starts the fiber with `param` as the argument of its function, or goes on in its `Fiber.yield`, which returns `param`. Returns
   * what the fiber gives to its next `Fiber.yield`, or returns; throws what it throws. A finished fiber starts again. Does not park:
   * when the fiber parks in a call of this library, `run` returns undefined, and the fiber goes on by itself once that is over.
   *
   * @throws Error `This Fiber is already running`; FiberParkedError (`ERR_FIBER_PARKED`) for one that waits in a parking call;
   *   AtomicSectionError (`ERR_ATOMIC_SECTION`), CannotParkError (`ERR_CANNOT_PARK`) where the caller's stack cannot be left;
   *   StackMemoryError (`ERR_STACK_MEMORY`), TooManyCoroutinesError (`ERR_TOO_MANY_COROUTINES`)
   */
  run<T = any, R = any>(param?: T): R;
  /**
   * Unwinds a suspended fiber: its `Fiber.yield` throws an Error, `This Fiber is a zombie`, and so does every further one, until the
   * function ends. Returns what the function returns then. Does nothing to a fiber that has not begun or is finished.
   *
   * @throws Error `This Fiber is not yielding`; otherwise as `run`
   */
  reset<T = any>(): T;
  /**
   * The suspended fiber's `Fiber.yield` throws `exception`. Otherwise as `run`.
   *
   * @throws Error `This Fiber is not yielding`; otherwise as `run`
   */
  throwInto<R = any>(exception?: unknown): R;
}

/**
 * What `Fiber` itself is.
 *
 * @example
 * ```ts
 * import Fiber, { type FiberConstructor } from 'stackful/fibers';
 *
 * const answer = (Kind: FiberConstructor) => new Kind(() => Fiber.yield(42)).run<undefined, number>();
 * console.log(answer(Fiber)); // 42
 * ```
 */
export interface FiberConstructor {
  /** Takes exactly one argument, the function. */
  new (fn: Function): Fiber;
  /** The same without `new`. */
  (fn: Function): Fiber;
  /** Fibers have these methods, enumerably. */
  readonly prototype: Fiber;
  /** The fiber that runs; undefined elsewhere, also in other coroutines. */
  readonly current: Fiber | undefined;
  /**
   * Suspends the fiber that runs; the `run` that resumed it returns `param`. Returns the argument of the next `run`. Parks.
   *
   * @throws Error `yield() called with no fiber running`; what `throwInto` was given; the error of `reset`; what the calls of a coroutine
   *   throw that was cancelled, or whose time is up
   */
  yield<T = any, R = any>(param?: R): T;
  /** Kept for programs that set it; it has no effect. */
  poolSize: number;
  /** The most fibers that were started at the same time. */
  readonly fibersCreated: number;
}

class Returned {
  constructor(object: object) {
    return object;
  }
}

/** Puts a fiber's state into an object where only this file finds it. */
class Hidden extends Returned {
  readonly #state: FiberState;

  constructor(object: object, state: FiberState) {
    super(object);
    this.#state = state;
  }

  static of(object: unknown): FiberState {
    if (typeof object === 'object' && object !== null && #state in object) return object.#state;
    throw new TypeError('Illegal invocation');
  }

  static isIn(object: object): boolean {
    return #state in object;
  }
}

/** Those that nothing refers to any more, suspended; the next `run` of any fiber unwinds them. */
const orphans: FiberState[] = [];
const collected = new FinalizationRegistry<FiberState>((state) => {
  if (isOrphan(state)) orphans.push(state);
});

/** One that went on by itself since its object was collected may have got a new one. */
const isOrphan = (state: FiberState): boolean => state.suspended && !state.weak?.deref();

/** In a function of its own: a frame that is suspended must not have held the object, not even in a register that is free again. */
function watch(state: FiberState, object = state.object!): void {
  state.weak = new WeakRef(object);
  collected.register(object, state);
}

/** A new object for a fiber whose own is gone. */
function revive(state: FiberState): Fiber {
  const object = Object.create(Fiber.prototype) as Fiber;
  new Hidden(object, state);
  watch(state, object);
  return object;
}

const objectOf = (state: FiberState): Fiber => (state.object ??= state.weak?.deref() ?? revive(state));

function unwindOrphans(): void {
  for (let state = orphans.pop(); state; state = orphans.pop()) {
    if (!isOrphan(state)) continue;
    try {
      unwind(revive(state), state);
    } catch (error) {
      if (state.suspended && !state.dying) {
        // It has heard nothing of it: the caller's stack cannot be left here. Another run does it.
        state.weak = undefined;
        orphans.push(state);
        return;
      }
      process.nextTick(() => { throw error; });
    }
  }
}

/**
 * Runs the fiber with `value`; returns or throws what comes out. Whatever it changes it changes itself: where the stack overflows at
 * its call, nothing has been.
 */
function goOn(call: string, object: Fiber, state: FiberState, value: unknown, thrown: boolean): unknown {
  const coroutine = state.coroutine!;
  if (call === 'reset') state.dying = value as Error;
  state.value = value;
  state.thrown = thrown;
  state.resumed = true;
  const code = resume(coroutine.slot);
  state.resumed = false;
  if (code !== 0) refused(code, call, state);
  if (state.suspended || state.coroutine !== coroutine) return arrived(state);
  return leftOtherwise(object, state, coroutine);
}

function arrived(state: FiberState): unknown {
  const { value } = state;
  state.value = undefined;
  if (!state.thrown) return value;
  state.thrown = false;
  throw value;
}

/** The fiber has parked in a call of the library, or V8 has terminated it. */
function leftOtherwise(object: Fiber, state: FiberState, coroutine: FiberCoroutine): unknown {
  if (coroutine.state !== 'done') {
    state.object = object;
    return undefined;
  }
  finish(state);
  return coroutine.join();
}

function refused(code: number, call: string, state: FiberState): never {
  state.value = undefined;
  state.thrown = false;
  if (call === 'reset') state.dying = undefined;
  if (code !== NOT_RESUMABLE) {
    if (!state.suspended) giveUp(state);
    fail(code, `Fiber.${call}`);
  }
  // Something else, such as a time limit around its Fiber.yield, has woken it.
  throw new FiberParkedError(call, undefined);
}

/** The fiber was to begin, and could not: its coroutine ends without having run its function. */
function giveUp(state: FiberState): void {
  const coroutine = state.coroutine!;
  finish(state);
  coroutine.cancel();
}

function unwind(object: Fiber, state: FiberState): unknown {
  return goOn('reset', object, state, new Error('This Fiber is a zombie'), true);
}

/** @throws unless the fiber is in Fiber.yield */
function checkSuspended(call: string, state: FiberState): void {
  if (state.suspended) return;
  throwIfParked(call, state);
  throw new Error('This Fiber is not yielding');
}

/** A run of a fiber that has not begun; or one that cannot be. */
function start(object: Fiber, state: FiberState, argumentCount: number, param: unknown): unknown {
  if (state.coroutine && !state.suspended) {
    throwIfParked('run', state);
    throw new Error('This Fiber is already running');
  }
  if (argumentCount > 1) throw new TypeError('run() excepts 1 or no arguments');
  state.object = object;
  state.coroutine = new FiberCoroutine(state, argumentCount === 0 ? [] : [param]);
  return goOn('run', object, state, undefined, false);
}

function throwIfParked(call: string, state: FiberState): void {
  const { coroutine } = state;
  if (coroutine && !state.resumed && coroutine.state !== 'running') throw new FiberParkedError(call, coroutine.parkedOn);
}

/**
 * Makes a fiber: `fn` on a stack of its own, which `run` starts. It runs on top of its caller, the main stack or any coroutine, until it
 * suspends itself by `Fiber.yield` or ends. A fiber is a coroutine, too: calls that park work inside it.
 *
 * @example
 * ```ts
 * import Fiber from 'stackful/fibers';
 *
 * const counter = Fiber((from: number) => {
 *   for (let n = from; ; n++) Fiber.yield(n);
 * });
 * console.log(counter.run(7), counter.run(), counter.run()); // 7 8 9
 * counter.reset();
 * ```
 */
export const Fiber = function (this: unknown, fn: unknown): Fiber {
  if (arguments.length !== 1) throw new TypeError('Fiber expects 1 argument');
  if (typeof fn !== 'function') throw new TypeError('Fiber expects a function');
  const object = (new.target ? this : Object.create(Fiber.prototype)) as Fiber;
  new Hidden(object, new FiberState(fn as FiberState['body']));
  return object;
} as unknown as FiberConstructor;

const methods = {
  run(this: Fiber, param?: unknown): unknown {
    const state = Hidden.of(this);
    if (orphans.length > 0) unwindOrphans();
    if (state.suspended && arguments.length < 2) return goOn('run', this, state, param, false);
    return start(this, state, arguments.length, param);
  },

  throwInto(this: Fiber, exception?: unknown): unknown {
    const state = Hidden.of(this);
    checkSuspended('throwInto', state);
    if (arguments.length > 1) throw new TypeError('throwInto() expects 1 or no arguments');
    return goOn('throwInto', this, state, exception, true);
  },

  reset(this: Fiber): unknown {
    const state = Hidden.of(this);
    if (!state.coroutine) return undefined;
    checkSuspended('reset', state);
    return unwind(this, state);
  },

  get started(): boolean | undefined {
    return Hidden.isIn(this) ? Hidden.of(this).coroutine !== undefined : undefined;
  },
};
// Enumerable, as they were: programs tell the properties that they have put on a fiber by its own keys.
Object.defineProperties(Fiber.prototype, Object.getOwnPropertyDescriptors(methods));

let poolSize = 120;
const statics = {
  yield(param?: unknown): unknown {
    const state = currentFiber();
    if (!state) throw new Error('yield() called with no fiber running');
    if (state.dying) throw state.dying;
    if (arguments.length > 1) throw new TypeError('yield() expects 1 or no arguments');
    if (!state.weak) watch(state);
    // Where no `run` waits, because the fiber went on by itself, nobody gets it.
    if (state.resumed) state.value = param;
    state.object = undefined;
    state.suspended = true;
    // Nothing here may hold the fiber's object from now on.
    const code = suspend();
    state.suspended = false;
    if (code !== 0) notResumed(state, code);
    return arrived(state);
  },

  get current(): Fiber | undefined {
    const state = currentFiber();
    return state && objectOf(state);
  },

  get poolSize(): number {
    return poolSize;
  },
  set poolSize(size: unknown) {
    poolSize = Math.trunc(Number(size)) || 0;
  },

  get fibersCreated(): number {
    return stacksMade();
  },
};
Object.defineProperties(Fiber, Object.getOwnPropertyDescriptors(statics));

/** A cancellation or a limit has ended the wait, or did not let it begin. */
function notResumed(state: FiberState, code: number): never {
  state.value = undefined;
  // It goes on by itself, and is in use.
  objectOf(state);
  fail(code, 'Fiber.yield');
}
