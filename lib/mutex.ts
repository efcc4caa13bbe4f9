import { current, type Coroutine } from './coroutine.js';
import { LockOwnerError, RecursiveLockError } from './errors.js';
import { functionOf } from './internal/arguments.js';
import { ParkKind } from './internal/kinds.js';
import { checkpoint, Waiter, WaitQueue, type ParkOptions } from './internal/parking.js';
import { SharedObject } from './internal/shared_object.js';
import { shield } from './shield.js';

/** One coroutine's possession of a {@link Mutex}; dispose of it to unlock. */
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
 * Lets one coroutine at a time through. Those that wait get it in the order in which they came, each directly from
 * the one before.
 *
 * Code that does not park needs none: nobody else runs in between.
 */
export class Mutex extends SharedObject {
  private holder: MutexLock | undefined = undefined;
  private readonly waiters = new WaitQueue();

  get locked(): boolean {
    return this.holder !== undefined;
  }

  /**
   * Waits until the mutex is free and takes it. Parks.
   *
   * @returns what unlocks it: `using lock = mutex.lock()` does so at the end of the block
   * @throws RecursiveLockError (`ERR_LOCK_RECURSIVE`) when this coroutine holds it already, LockOwnerError
   *   (`ERR_LOCK_NOT_OWNED`) when the one that holds it has ended, NotInCoroutineError (`ERR_NOT_IN_COROUTINE`),
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

  /** Takes the mutex if it is free, without waiting. */
  tryLock(): MutexLock | undefined {
    const self = checkpoint('mutex.tryLock');
    return this.holder ? undefined : (this.holder = new MutexLock(this, self));
  }

  /** Unlocks what this coroutine has locked. @throws LockOwnerError (`ERR_LOCK_NOT_OWNED`) when it has not */
  unlock(): void {
    if (!this.holder) throw new LockOwnerError('mutex.unlock', 'the mutex is not locked');
    this.release(this.holder);
  }

  /** Runs `fn` with the mutex locked and returns what it returns. Parks; throws what {@link lock} throws. */
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

  /** Runs `fn` with the mutex unlocked that this coroutine has locked; it is locked again whatever happens. @internal */
  without(operation: string, fn: () => void): void {
    const lock = this.holder;
    if (!lock) throw new LockOwnerError(operation, 'the mutex is not locked');
    this.release(lock, operation);
    try {
      fn();
    } finally {
      shield(() => this.lock());
      // Whoever has locked it unlocks it by what `lock` gave then.
      this.holder = lock;
    }
  }

  /** @internal */
  release(lock: MutexLock, operation = 'mutex.unlock'): void {
    if (this.holder !== lock) throw new LockOwnerError(operation, 'it was unlocked before');
    if (lock.coroutine !== current()) throw new LockOwnerError(operation, 'another coroutine has locked it');
    this.holder = undefined;
    for (let next = this.waiters.shift(); next; next = this.waiters.shift()) {
      if (!next.wake()) continue;
      this.holder = next as MutexLock;
      return;
    }
  }

  /** That there is something to wait for. */
  private checkHolder(self: Coroutine): void {
    const owner = this.holder!.coroutine;
    if (owner === self) throw new RecursiveLockError('mutex.lock');
    if (owner.state === 'done') {
      throw new LockOwnerError('mutex.lock', 'the coroutine that has locked it ended without unlocking');
    }
  }
}
