import { timeout } from '../coroutine/timeout.js';
import { functionOf, oneOf } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';
import { waitUnder } from './cancellation.js';
import { ownerDead, ThreadError } from './errors.js';
import { LocalMutex } from './local_mutex.js';
import { ThreadObject, type Core, type ObjectOptions } from './thread_object.js';

/**
 * What a mutex does when its holder locks it again: `'normal'` waits, for ever or until its time is up; `'errorcheck'` throws
 * `EDEADLK`; `'recursive'` counts, and is free after as many calls of `unlock`.
 */
export type MutexType = 'normal' | 'recursive' | 'errorcheck';

/** The options of {@link Mutex}. */
export interface MutexOptions extends ObjectOptions {
  /** Default `'normal'`. */
  type?: MutexType;
}

/** A lock without types, for the thread that runs. */
export interface MutexCore extends Core {
  /** Whether the running thread holds it. */
  readonly mine: boolean;
  /** How many more times its holder has locked it. Only the holder may change it. */
  depth: number;
  /** Whether its last holder ended without unlocking it. */
  readonly abandoned: boolean;
  lock(): void;
  tryLock(): boolean;
  unlock(): void;
  /** Locks it although it is abandoned; false: it is not. */
  recover(): boolean;
  /** Waits for the running thread, which holds it, to unlock it. */
  waitForSelf(): void;
}

const TYPES: readonly MutexType[] = ['normal', 'recursive', 'errorcheck'];
const KNOWN = new Set(['type', 'name']);
/** The most locks of a recursive mutex at a time. */
const DEEPEST = 2 ** 31 - 1;

/** @throws TypeError (`ERR_UNKNOWN_OPTION`, `ERR_INVALID_ARG_VALUE`) */
export function mutexTypeOf({ type = 'normal' }: MutexOptions): MutexType {
  return oneOf('options.type', type, TYPES);
}

/**
 * A lock for one thread at a time. Only the thread that has locked it can unlock it, whatever its type. Over coroutines it goes to the
 * thread that has waited longest; over workers to whichever comes first.
 *
 * When its holder ends without unlocking it, {@link lock} throws `EOWNERDEAD`, also in threads that wait already, until one of them
 * takes it by {@link consistent}. Over workers that covers a thread that returned, failed, exited or was cancelled, and `process.exit` and
 * uncaught errors in its worker; not a worker that ran out of memory.
 *
 * @example
 * ```ts
 * import { sleep } from 'stackful';
 * import { create, join, Mutex } from 'stackful/threads';
 *
 * await create(() => {
 *   const mutex = new Mutex({ type: 'errorcheck' });
 *   let counter = 0;
 *   const increase = () => mutex.withLock(() => {
 *     const before = counter;
 *     sleep(1);
 *     counter = before + 1;
 *   });
 *   for (const thread of [create(increase), create(increase)]) join(thread);
 *   console.log(counter); // 2
 *   mutex.lock();
 *   try {
 *     mutex.lock();
 *   } catch (error) {
 *     console.log((error as NodeJS.ErrnoException).code); // EDEADLK
 *   }
 * });
 * ```
 */
export class Mutex extends ThreadObject<MutexCore> {
  /** Its type. */
  readonly type: MutexType;

  /** @throws TypeError (`ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`) */
  constructor(options?: MutexOptions);
  /** For `over('workers')`. @internal */
  constructor(options: MutexOptions, core: MutexCore);
  constructor(options: MutexOptions = {}, core: MutexCore = new LocalMutex(options)) {
    knownOptions('Mutex', options, KNOWN);
    super(core, options.name);
    this.type = mutexTypeOf(options);
  }

  /**
   * Waits until the mutex is free and locks it. Parks.
   *
   * @throws ThreadError (`EDEADLK`) when this thread holds it and its type is `'errorcheck'`, (`EOWNERDEAD`) when its holder has ended
   *   without unlocking it, (`EAGAIN`) when it is locked too often, (`EINVAL`) after `destroy`; NotInCoroutineError
   *   (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  lock(options?: ParkOptions): void {
    const core = this.usable('mutex.lock');
    if (!core.mine) waitUnder('mutex.lock', options, () => { core.lock(); });
    else if (this.type === 'recursive') this.deepen(core);
    else if (this.type === 'errorcheck') throw new ThreadError('mutex.lock', 'EDEADLK', `this thread holds ${this.label}`);
    else waitUnder('mutex.lock', options, () => { core.waitForSelf(); });
  }

  /** Locks the mutex if that needs no waiting, and returns whether it did. Never parks. @throws as {@link lock}, but for `EDEADLK` */
  tryLock(): boolean {
    const core = this.usable('mutex.tryLock');
    if (!core.mine) return core.tryLock();
    if (this.type === 'recursive') this.deepen(core);
    return this.type === 'recursive';
  }

  /** As {@link lock}, for at most `ms` milliseconds; returns whether it locked the mutex. Parks. @throws as {@link lock} */
  timedLock(ms: number): boolean {
    return this.tryLock() || timeout(ms, () => (this.lock(), true), () => false);
  }

  /**
   * Unlocks the mutex. Never parks.
   *
   * @throws ThreadError (`EPERM`) when this thread does not hold it, (`EOWNERDEAD`) when a thread that has ended does,
   *   (`EINVAL`) after `destroy`
   */
  unlock(): void {
    const core = this.usable('mutex.unlock');
    this.checkHolder('mutex.unlock');
    if (core.depth > 0) core.depth--;
    else core.unlock();
  }

  /**
   * Locks the mutex after its holder has ended without unlocking it (`EOWNERDEAD`), for a thread that has made consistent again what the
   * mutex guards, or does so now. Parks.
   *
   * @throws ThreadError (`EINVAL`) when that is not so, because another thread was faster; what {@link lock} throws
   */
  consistent(): void {
    if (this.usable('mutex.consistent').recover()) return;
    throw new ThreadError('mutex.consistent', 'EINVAL', 'its holder has not ended');
  }

  /** Runs `fn` with the mutex locked and returns its result. Parks; throws what {@link lock} throws. */
  withLock<R>(fn: () => R, options?: ParkOptions): R {
    functionOf('fn', fn);
    this.lock(options);
    try {
      return fn();
    } finally {
      this.unlock();
    }
  }

  /** Runs `wait`, which unlocks the mutex however often it is locked, and locks it again. @internal */
  without(operation: string, wait: (core: MutexCore) => void): void {
    const core = this.usable(operation);
    this.checkHolder(operation);
    const { depth } = core;
    core.depth = 0;
    try {
      wait(core);
    } finally {
      if (core.mine) core.depth = depth;
    }
  }

  private checkHolder(operation: string): void {
    const { mine, abandoned } = this.core;
    if (abandoned) throw ownerDead(operation);
    if (!mine) throw new ThreadError(operation, 'EPERM', `this thread does not hold ${this.label}`);
  }

  private deepen(core: MutexCore): void {
    if (core.depth === DEEPEST) throw new ThreadError('mutex.lock', 'EAGAIN', `${this.label} is locked too often`);
    core.depth++;
  }
}
