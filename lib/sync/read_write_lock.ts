import type { Coroutine } from '../coroutine/coroutine.js';
import { functionOf } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { checkpoint, Waiter, WaitQueue, type ParkOptions } from '../internal/parking.js';
import { RecursiveLockError } from './errors.js';
import { SharedObject } from './shared_object.js';

/** A coroutine's reading or writing, or its wait for that. */
export class Access extends Waiter {
  constructor(readonly writes: boolean) {
    super('readWriteLock');
  }
}

/**
 * A lock for many readers or one writer, in order of arrival: a reader does not overtake a waiting writer, so neither side
 * starves; all readers up to the next writer go in together.
 *
 * @example
 * ```ts
 * import { ReadWriteLock, sleep, spawn } from 'stackful';
 *
 * const lock = new ReadWriteLock();
 * let settings = { version: 1 };
 * const reader = () => lock.read(() => (sleep(1), settings.version)); // readers do not wait for each other
 * const writer = () => lock.write(() => { settings = { version: 2 }; });
 * const all = [spawn(reader), spawn(writer), spawn(reader)];
 * console.log((await Promise.all(all)).join(' ')); // 1  2
 * ```
 */
export class ReadWriteLock extends SharedObject {
  private writer: Access | undefined = undefined;
  /** The readers that hold the lock: a queue of waiters that are not parked. */
  private readonly readers = new WaitQueue();
  private readonly waiters = new WaitQueue();

  /**
   * Runs `fn` while no coroutine writes, and returns its result. A `read` inside a `read` does not wait. Parks.
   *
   * @throws RecursiveLockError (`ERR_LOCK_RECURSIVE`) inside `write`, NotInCoroutineError (`ERR_NOT_IN_COROUTINE`),
   *   CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  read<R>(fn: () => R, options?: ParkOptions): R {
    functionOf('fn', fn);
    const access = this.enter(false, options);
    try {
      return fn();
    } finally {
      this.leave(access);
    }
  }

  /**
   * Runs `fn` while no other coroutine reads or writes, and returns its result. Parks.
   *
   * @throws RecursiveLockError (`ERR_LOCK_RECURSIVE`) inside `read` or `write`, NotInCoroutineError
   *   (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  write<R>(fn: () => R, options?: ParkOptions): R {
    functionOf('fn', fn);
    const access = this.enter(true, options);
    try {
      return fn();
    } finally {
      this.leave(access);
    }
  }

  /** The first half of {@link read} or {@link write}. Parks. @internal */
  enter(writes: boolean, options?: ParkOptions): Access {
    const operation = writes ? 'readWriteLock.write' : 'readWriteLock.read';
    checkpoint(operation, options);
    const access = new Access(writes);
    if (!this.admits(access)) this.waitFor(access, writes ? ParkKind.writeLock : ParkKind.readLock, operation, options);
    return access;
  }

  /** As {@link enter} where that needs no waiting. @internal */
  tryEnter(writes: boolean): Access | undefined {
    const access = new Access(writes);
    return this.admits(access) ? access : undefined;
  }

  /** The second half: the coroutine that has entered no longer reads or writes. @internal */
  leave(access: Access): void {
    if (access.writes) this.writer = undefined;
    else this.readers.remove(access);
    this.admit();
  }

  /** Lets a new access in if it need not wait. */
  private admits(access: Access): boolean {
    if (this.writer) return false;
    if (access.writes) {
      if (!this.readers.empty || !this.waiters.empty) return false;
      this.writer = access;
    } else {
      if (!this.waiters.empty && !this.reading(access.coroutine)) return false;
      this.readers.push(access);
    }
    return true;
  }

  private waitFor(access: Access, kind: ParkKind, operation: string, options: ParkOptions | undefined): void {
    const self = access.coroutine;
    if (this.writer?.coroutine === self || this.reading(self)) throw new RecursiveLockError(operation, this);
    try {
      this.waiters.park(kind, operation, options, this, 0, access);
    } catch (error) {
      // A writer whose wait was interrupted may have held up readers.
      this.admit();
      throw error;
    }
  }

  private reading(coroutine: Coroutine): boolean {
    for (let reader = this.readers.first; reader; reader = reader.next) {
      if (reader.coroutine === coroutine) return true;
    }
    return false;
  }

  private admit(): void {
    for (let first = this.first; first && !this.writer; first = this.first) {
      if (first.writes && !this.readers.empty) return;
      this.waiters.remove(first);
      if (!first.wake()) continue;
      if (first.writes) this.writer = first;
      else this.readers.push(first);
    }
  }

  private get first(): Access | undefined {
    return this.waiters.first as Access | undefined;
  }

  /** @internal */
  heldBy(): readonly Coroutine[] {
    if (this.writer) return [this.writer.coroutine];
    const owners: Coroutine[] = [];
    for (let reader = this.readers.first; reader; reader = reader.next) owners.push(reader.coroutine);
    return owners;
  }
}
