/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-function-type -- programs compile against the types of
   @types/fibers, which say no more */
import { current } from '../internal/current.js';
import { ParkKind } from '../internal/kinds.js';
import { Waiter } from '../internal/parking.js';
import { Fiber } from './fiber.js';
import { linkStack } from './future_stack.js';

type Callback = (error?: unknown, value?: unknown) => void;
/** A callback; or a future that gets the error, and what gets the value. */
type Listener = [Callback] | [Future, (value: unknown) => void];

/** The result of something that is not over yet; a fiber waits for it by `wait`. */
export interface Future<T = any> {
  /** The result, or throws the error; throws where there is none yet. */
  get(): T;
  /** Waits, if there is no result yet, and then does what `get` does. Parks. */
  wait(): T;
  /** Gives it its result. All callbacks are called at once. */
  return(value?: T): void;
  /** Gives it an error as its result. All callbacks are called at once. */
  throw(error: unknown): void;
  /** An error of it is thrown to Node's loop. */
  detach(): void;
  /** Whether it has its result, or an error. */
  isResolved(): boolean;
  /** A callback, `(error, value)`, that gives it its result. */
  resolver(): (error?: any, value?: T) => void;
  /** Calls back with `(error, value)` once there is a result, or at once. */
  resolve(callback: (error: any, value?: any) => void): this;
  /** Gives an error of it to `future`, or its value to `callback`. */
  resolve(future: Future, callback: (value: T) => void): this;
  /** Calls back once there is a value; not for an error. */
  resolveSuccess(callback: (value: T) => void): this;
  /** Gives its result to another future. */
  proxy(future: Future<T>): void;
  /** Gives an error of it to other futures. */
  proxyErrors(futures: Future | Future[]): this;
  /** A promise of the result. */
  promise(): Promise<T>;
}

/** A function that returns a future of what the function behind it returns. */
export type FutureFunction<T = any> = (...args: any[]) => Future<T>;

/**
 * What `Future` itself is.
 *
 * @example
 * ```ts
 * import { setTimeout } from 'node:timers/promises';
 * import { spawn } from 'stackful';
 * import Future from 'stackful/future';
 *
 * const [a, b] = [Future.fromPromise(setTimeout(1, 'a')), Future.fromPromise(setTimeout(2, 'b'))];
 * await spawn(() => {
 *   Future.wait(a, b);
 *   console.log(a.get(), b.get()); // a b
 * });
 * ```
 */
export interface FutureConstructor {
  /** A future without a result. */
  new <T = any>(): Future<T>;
  /** Futures have these methods. */
  readonly prototype: Future;
  /** Calls a function in a fiber, and returns a future of its result. */
  task<T>(fn: (...args: any[]) => T): Future<T>;
  /** Calls each function in a fiber of its own, and returns a future of the array of their results. */
  task<T = any>(...fns: Function[]): Future<T[]>;
  /**
   * A function that calls `fn` with a callback as its last argument, and returns a future of what the callback is given: its second
   * argument, or with `multi` the array of all but the first. The functions that are properties of `fn` are there, too, wrapped and
   * with `suffix` behind their names (default `Future`).
   */
  wrap<T = any>(fn: (...args: any[]) => any, multi?: boolean, suffix?: string): FutureFunction<T>;
  /** An object that has those of `object` and its functions, wrapped, with `suffix` behind their names (default `Future`). */
  wrap<O extends object>(object: O, multi?: boolean, suffix?: string): O & Record<string, any>;
  /** Waits until each of the futures, given one by one or in arrays, has a result; errors among those are not thrown. Parks. */
  wait(...futures: (Future | Future[])[]): void;
  /** A future of what a promise becomes. */
  fromPromise<T>(promise: PromiseLike<T>): Future<T>;
}

declare global {
  interface Function {
    /** A function that has each call of this one run in a fiber, and returns a future of its result. `detach`: as the method. */
    future<T = any>(detach?: boolean): FutureFunction<T>;
  }
}

interface Inner extends Future {
  resolved?: boolean;
  error?: unknown;
  value?: unknown;
  callbacks?: Listener[] | undefined;
}

function deliver(future: Inner): void {
  const { callbacks, error, value } = future;
  delete future.callbacks;
  for (const [first, second] of callbacks ?? []) {
    try {
      if (error === undefined) {
        if (second) second(value);
        else (first as Callback)(undefined, value);
      } else if (second) {
        (first as Future).throw(error);
      } else {
        (first as Callback)(error);
      }
    } catch (thrown) {
      // The others must hear of the result, too.
      process.nextTick(() => { throw thrown; });
    }
  }
}

function checkOpen(future: Inner): void {
  if (future.resolved) throw new Error('Future resolved more than once');
}

const methods: Future & ThisType<Inner> = {
  get() {
    if (!this.resolved) throw new Error('Future must resolve before value is ready');
    if (!this.error) return this.value;
    linkStack(this.error);
    throw this.error;
  },

  return(value) {
    checkOpen(this);
    this.value = value;
    this.resolved = true;
    deliver(this);
  },

  throw(error) {
    checkOpen(this);
    if (!error) throw new Error('Must throw non-empty error');
    this.error = error;
    this.resolved = true;
    deliver(this);
  },

  detach() {
    this.resolve((error: unknown) => {
      if (error) throw error;
    });
  },

  isResolved() {
    return this.resolved === true;
  },

  resolver() {
    return (error, value) => {
      if (error) this.throw(error);
      else this.return(value);
    };
  },

  resolve(first: unknown, second?: (value: unknown) => void) {
    if (!this.resolved) {
      (this.callbacks ??= []).push([first, second] as Listener);
    } else if (!second) {
      (first as Callback)(this.error, this.value);
    } else if (this.error) {
      (first as Future).throw(this.error);
    } else {
      second(this.value);
    }
    return this;
  },

  resolveSuccess(callback) {
    return this.resolve((error: unknown, value) => {
      if (!error) callback(value);
    });
  },

  proxy(future) {
    this.resolve(future.resolver());
  },

  proxyErrors(futures) {
    return this.resolve((error: unknown) => {
      if (!error) return;
      for (const future of Array.isArray(futures) ? futures : [futures]) future.throw(error);
    });
  },

  promise() {
    return new Promise((resolve, reject) => {
      this.resolve((error: unknown, value) => {
        if (error) reject(error);
        else resolve(value);
      });
    });
  },

  wait() {
    if (!this.resolved) Future.wait(this);
    return this.get() as unknown;
  },
};

/**
 * Results that are not there yet, for which fibers, and other coroutines, wait: `Future.wrap(fn)(…).wait()`.
 *
 * Loading the module gives every function a method `future`: `fn.future()(…)` calls `fn` in a fiber and returns a future of its result.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import Future from 'stackful/future';
 *
 * const later = Future.wrap((text: string, done: (error: Error | null, value: string) => void) => {
 *   setTimeout(() => done(null, text.toUpperCase()), 1);
 * });
 * console.log(await Future.task(() => later('hello').wait()).promise()); // HELLO
 * ```
 */
export const Future = function () {} as unknown as FutureConstructor;
Object.defineProperty(Future, 'name', { value: 'Future' });
Object.defineProperty(Future, 'prototype', { value: methods });

/** A call of a function that is to run in a fiber, in the next tick or, if a fiber waits for it before, in that one. */
class Call {
  private begun = false;

  constructor(
    private readonly fn: Function,
    private readonly receiver: unknown,
    private readonly args: unknown[],
    readonly future: Future,
  ) {
    process.nextTick(() => {
      if (!this.begun) Fiber(() => { this.run(); }).run();
    });
  }

  get waiting(): boolean {
    return !this.begun;
  }

  run(): void {
    this.begun = true;
    const { future } = this;
    try {
      future.return(Reflect.apply(this.fn, this.receiver, this.args));
    } catch (error) {
      future.throw(error);
    }
  }
}

const calls = new WeakMap<object, Call>();

/** A function that has each call of `fn` run in a fiber, and returns a future of what comes of it. */
function inFiber(fn: Function, detach = false): FutureFunction {
  const call = function (this: unknown, ...args: unknown[]): Future {
    const future: Future = new Future();
    const made = new Call(fn, this, args, future);
    calls.set(future, made);
    if (detach) future.detach();
    return future;
  };
  call.toString = () => `<<Future ${String(fn)}.future()>>`;
  return call;
}

const futureMethod = function (this: Function, detach: unknown): FutureFunction {
  return inFiber(this, Boolean(detach));
};
Object.defineProperty(futureMethod, 'name', { value: '' });
// What the module is loaded for.
Object.defineProperty(Function.prototype, 'future', { value: futureMethod, enumerable: true, writable: true, configurable: true });

/** The futures of a call of `Future.wait` that have no result yet. */
function pendingOf(args: unknown[]): Inner[] {
  const pending: Inner[] = [];
  for (const arg of args) {
    for (const future of Array.isArray(arg) ? (arg as unknown[]) : [arg]) {
      if (!(future instanceof (Future as unknown as new () => Inner))) throw new Error(`${String(future)} is not a future`);
      if (!future.resolved) pending.push(future);
    }
  }
  return pending;
}

/** How the running code waits: what to call once, when it is to go on, and how it stops until then. */
function waitHere(): { goOn: () => void; stop: () => void } {
  const fiber = Fiber.current;
  if (fiber) return { goOn: () => { fiber.run(); }, stop: () => { Fiber.yield(); } };
  if (!current()) throw new Error("Can't wait without a fiber");
  const waiter = new Waiter('Future.wait');
  return { goOn: () => { waiter.wake(); }, stop: () => { waiter.park(ParkKind.other, 'Future.wait'); } };
}

const statics = {
  task(...fns: Function[]): Future {
    if (fns.length === 1) return inFiber(fns[0]!)();
    const all: Future<unknown[]> = new Future();
    const values = Array<unknown>(fns.length);
    let pending = fns.length;
    let failure: unknown;
    for (const [i, fn] of fns.entries()) {
      inFiber(fn)().resolve((error: unknown, value: unknown) => {
        if (error) failure = error;
        values[i] = value;
        if (--pending > 0) return;
        if (failure) all.throw(failure);
        else all.return(values);
      });
    }
    return all;
  },

  wrap(target: unknown, multi?: boolean, suffix = 'Future'): unknown {
    if (typeof target === 'function') return wrapFunction(target, multi, suffix);
    if (typeof target !== 'object') return undefined;
    const wrapped = Object.create(target) as Record<string, unknown>;
    addWrapped(wrapped, wrapped, multi, suffix);
    return wrapped;
  },

  wait(...futures: (Future | Future[])[]): void {
    const pending = pendingOf(futures);
    const { goOn, stop } = waitHere();
    // One call that has not begun runs here, in the fiber that waits for it anyway.
    const own = pending.map((future) => calls.get(future)).find((call) => call?.waiting);
    const others = pending.filter((future) => !own || future !== own.future);
    let open = others.length + (own ? 1 : 0);
    if (open === 0) return;
    for (const future of others) {
      future.resolve(() => {
        if (--open === 0) goOn();
      });
    }
    own?.run();
    if (own) open--;
    if (open > 0) stop();
  },

  fromPromise<T>(promise: PromiseLike<T>): Future<T> {
    const future: Future<T> = new Future();
    promise.then((value) => { future.return(value); }, (error: unknown) => { future.throw(error); });
    return future;
  },
};
Object.assign(Future, statics);

/** Gives `to` a wrapped function beside each that `from` has. */
function addWrapped(to: object, from: object, multi: boolean | undefined, suffix: string): void {
  const members = from as Record<string, unknown>;
  for (const name in members) {
    const member = members[name];
    if (member instanceof Function) Object.assign(to, { [name + suffix]: wrapFunction(member, multi, suffix, false) });
  }
}

/** `deep`: its own functions (those of `request`, say) are wrapped, too. */
function wrapFunction(fn: Function, multi: boolean | undefined, suffix: string, deep = true): Function {
  const wrapped = function (this: unknown, ...args: unknown[]): Future {
    const future = new Future() as Future<unknown> & { _: unknown };
    const done = future.resolver();
    args.push(multi ? (error: unknown, ...values: unknown[]) => { done(error, values); } : done);
    future._ = Reflect.apply(fn, this, args);
    return future;
  };
  if (deep) {
    Object.setPrototypeOf(wrapped, fn);
    addWrapped(wrapped, fn, multi, suffix);
  }
  return wrapped;
}
