import type { Coroutine } from '../coroutine/coroutine.js';
import { shield } from '../coroutine/shield.js';
import { functionOf } from '../internal/arguments.js';
import { current } from '../internal/current.js';
import { ParkKind } from '../internal/kinds.js';
import { checkInterruption, checkpoint, Waiter, WaitQueue, type ParkOptions } from '../internal/parking.js';
import { LockOwnerError, RecursiveLockError } from './errors.js';
import { SharedObject } from './shared_object.js';

/**
 * A locked {@link Mutex}; disposing of it unlocks.
 *
 * @example
 * ```ts
 * import { Mutex, spawn } from 'stackful';
 *
 * const mutex = new Mutex();
 * await spawn(() => {
 *   {
 *     using lock = mutex.lock();
 *     console.log(mutex.locked); // true
 *   }
 *   console.log(mutex.locked); // false
 * });
 * ```
 */
export class MutexLock extends Waiter implements Disposable {
  private declare readonly mutex: Mutex;

  /** @internal */
  constructor(mutex: Mutex, self: Coroutine) {
    super('mutex.lock', self);
    this.mutex = mutex;
  }

  /** Unlocks. @throws LockOwnerError (`ERR_LOCK_NOT_OWNED`) the second time, and in any other coroutine */
  [Symbol.dispose](): void {
    this.mutex.release(this);
  }
}

/**
 * A lock for one coroutine at a time. Unlocking hands it directly to the coroutine that has waited longest.
 *
 * Code that does not park needs no mutex: no other coroutine runs in between.
 *
 * @example
 * ```ts
 * import { Mutex, sleep, spawn } from 'stackful';
 *
 * const mutex = new Mutex({ name: 'counter' });
 * let counter = 0;
 * const increase = () => mutex.withLock(() => {
 *   const before = counter;
 *   sleep(1); // the lock keeps the others away meanwhile
 *   counter = before + 1;
 * });
 * await Promise.all([spawn(increase), spawn(increase)]);
 * console.log(counter); // 2
 * ```
 */
export class Mutex extends SharedObject {
  private holder: MutexLock | undefined = undefined;
  private readonly waiters = new WaitQueue();

  /** Whether a coroutine holds it. */
  get locked(): boolean {
    return this.holder !== undefined;
  }

  /**
   * Waits until the mutex is free and locks it. Parks.
   *
   * @returns a lock whose disposal unlocks: `using lock = mutex.lock()` does so at the end of the block
   * @throws RecursiveLockError (`ERR_LOCK_RECURSIVE`) when this coroutine holds it, LockOwnerError
   *   (`ERR_LOCK_NOT_OWNED`) when its holder has ended, NotInCoroutineError (`ERR_NOT_IN_COROUTINE`),
   *   CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  lock(options?: ParkOptions): MutexLock {
    const lock = new MutexLock(this, checkpoint('mutex.lock', options));
    if (this.holder === undefined) {
      this.holder = lock;
    } else {
      this.checkHolder(lock.coroutine);
      this.waiters.park(ParkKind.mutex, 'mutex.lock', options, this, 0, lock);
    }
    return lock;
  }

  /** Locks the mutex if it is free. Never parks. @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError */
  tryLock(): MutexLock | undefined {
    const self = checkInterruption('mutex.tryLock');
    return this.holder ? undefined : (this.holder = new MutexLock(this, self));
  }

  /** Unlocks the mutex. Never parks. @throws LockOwnerError (`ERR_LOCK_NOT_OWNED`) when this coroutine has not locked it */
  unlock(): void {
    if (!this.holder) throw new LockOwnerError('mutex.unlock', `${this.label} is not locked`);
    this.release(this.holder);
  }

  /** Runs `fn` with the mutex locked and returns its result. Parks; throws what {@link lock} throws. */
  withLock<R>(fn: () => R, options?: ParkOptions): R {
    functionOf('fn', fn);
    const lock = this.lock(options);
    try {
      return fn();
    } finally {
      this.release(lock);
    }
  }

  /** @internal */
  heldBy(): Coroutine | readonly Coroutine[] {
    return this.holder?.coroutine ?? [];
  }

  /** Unlocks the mutex, which this coroutine has locked, runs `fn`, and locks it again, also if `fn` throws. @internal */
  without(operation: string, fn: () => void): void {
    const lock = this.holder;
    if (!lock) throw new LockOwnerError(operation, `${this.label} is not locked`);
    this.release(lock, operation);
    try {
      fn();
    } finally {
      shield(() => this.lock());
      // The caller's MutexLock from before must unlock it.
      // stackful-analyze-ignore check-then-act: the mutex has just been locked again, for this coroutine
      this.holder = lock;
    }
  }

  /** @internal */
  release(lock: MutexLock, operation = 'mutex.unlock'): void {
    if (this.holder !== lock) throw new LockOwnerError(operation, `${this.label} was unlocked before by this lock`);
    if (lock.coroutine !== current()) throw new LockOwnerError(operation, `${lock.coroutine.label} has locked ${this.label}`);
    this.holder = undefined;
    for (let next = this.waiters.shift(); next; next = this.waiters.shift()) {
      if (!next.wake()) continue;
      this.holder = next as MutexLock;
      return;
    }
  }

  /** Throws if waiting for the holder would never end. */
  private checkHolder(self: Coroutine): void {
    const owner = this.holder!.coroutine;
    if (owner === self) throw new RecursiveLockError('mutex.lock', this);
    if (owner.state === 'done') {
      throw new LockOwnerError('mutex.lock', `${owner.label} has locked ${this.label} and ended without unlocking it`);
    }
  }
}
