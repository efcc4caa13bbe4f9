import { current } from '../internal/current.js';
import { ParkKind } from '../internal/kinds.js';
import { WaitQueue } from '../internal/parking.js';
import { LockOwnerError } from '../sync/errors.js';
import { Mutex as Lock } from '../sync/mutex.js';
import { ownerDead } from './errors.js';
import { noteLocked, noteUnlocked, type Abandonable } from './held_locks.js';
import type { MutexCore } from './mutex.js';
import type { ObjectOptions } from './thread_object.js';

/** The mutex of threads that are coroutines: the library's, which a thread that ends while it holds it leaves to the next. */
export class LocalMutex implements MutexCore, Abandonable {
  readonly shared = false;
  destroyed = false;
  depth = 0;
  abandoned = false;
  readonly lockable: Lock;

  constructor({ name }: ObjectOptions = {}) {
    this.lockable = new Lock({ name });
  }

  get busy(): boolean {
    return this.lockable.locked;
  }

  get mine(): boolean {
    return this.lockable.locked && this.lockable.heldBy() === current();
  }

  lock(): void {
    this.refuseAbandoned('mutex.lock');
    this.acquire();
    // Its holder has ended during the wait: the next that waits is told, too.
    if (this.abandoned) this.lockable.unlock();
    this.refuseAbandoned('mutex.lock');
    noteLocked(this);
  }

  tryLock(): boolean {
    this.refuseAbandoned('mutex.tryLock');
    if (!this.lockable.tryLock()) return false;
    noteLocked(this);
    return true;
  }

  unlock(): void {
    noteUnlocked(this);
    this.lockable.unlock();
  }

  recover(): boolean {
    if (!this.abandoned) return false;
    this.acquire();
    if (!this.abandoned) {
      this.lockable.unlock();
      return false;
    }
    this.abandoned = false;
    noteLocked(this);
    return true;
  }

  waitForSelf(): void {
    // Where a time limit or a signal may end the wait, it is no deadlock to report.
    const object = current()!.limits === 0 ? this.lockable : undefined;
    new WaitQueue().park(ParkKind.mutex, 'mutex.lock', undefined, object);
  }

  abandon(): void {
    if (!this.mine) return;
    this.depth = 0;
    this.abandoned = true;
    this.lockable.unlock();
  }

  /** Runs `wait`, which unlocks the lock and locks it again. */
  without(wait: () => void): void {
    noteUnlocked(this);
    try {
      wait();
    } finally {
      if (this.abandoned) this.lockable.unlock();
      else noteLocked(this);
    }
    this.refuseAbandoned('condition.wait');
  }

  private acquire(): void {
    try {
      this.lockable.lock();
    } catch (error) {
      // The holder was a coroutine that `create` did not make, and has ended.
      if (error instanceof LockOwnerError) throw ownerDead('mutex.lock');
      throw error;
    }
  }

  private refuseAbandoned(operation: string): void {
    if (this.abandoned) throw ownerDead(operation);
  }
}
