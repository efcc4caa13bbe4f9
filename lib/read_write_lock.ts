import type { Coroutine } from './coroutine.js';
import { RecursiveLockError } from './errors.js';
import { functionOf } from './internal/arguments.js';
import { ParkKind } from './internal/kinds.js';
import { checkpoint, Waiter, WaitQueue, type ParkOptions } from './internal/parking.js';
import { SharedObject } from './internal/shared_object.js';

class Access extends Waiter {
  constructor(readonly writes: boolean) {
    super('readWriteLock');
  }
}

/**
 * Many readers or one writer. In the order of asking: a reader does not overtake a writer that waits, so neither side
 * starves; all readers up to the next writer go in together.
 */
export class ReadWriteLock extends SharedObject {
  private writer: Access | undefined = undefined;
  /** The readers that are in; a list like any other, in which nobody is parked. */
  private readonly readers = new WaitQueue();
  private readonly waiters = new WaitQueue();

  /**
   * Runs `fn` while nobody writes, and returns what it returns. Inside itself it needs no waiting. Parks.
   *
   * @throws RecursiveLockError (`ERR_LOCK_RECURSIVE`) inside `write`, NotInCoroutineError (`ERR_NOT_IN_COROUTINE`),
   *   CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  read<R>(fn: () => R, options?: ParkOptions): R {
    functionOf('fn', fn);
    checkpoint('readWriteLock.read', options);
    const access = new Access(false);
    if (!this.writer && (this.waiters.empty || this.reading(access.coroutine))) this.readers.push(access);
    else this.waitFor(access, ParkKind.readLock, 'readWriteLock.read', options);
    try {
      return fn();
    } finally {
      this.readers.remove(access);
      this.admit();
    }
  }

  /**
   * Runs `fn` while nobody else reads or writes, and returns what it returns. Parks.
   *
   * @throws RecursiveLockError (`ERR_LOCK_RECURSIVE`) inside `read` or `write`, NotInCoroutineError
   *   (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  write<R>(fn: () => R, options?: ParkOptions): R {
    functionOf('fn', fn);
    checkpoint('readWriteLock.write', options);
    const access = new Access(true);
    if (!this.writer && this.readers.empty && this.waiters.empty) this.writer = access;
    else this.waitFor(access, ParkKind.writeLock, 'readWriteLock.write', options);
    try {
      return fn();
    } finally {
      this.writer = undefined;
      this.admit();
    }
  }

  private waitFor(access: Access, kind: ParkKind, operation: string, options: ParkOptions | undefined): void {
    const self = access.coroutine;
    if (this.writer?.coroutine === self || this.reading(self)) throw new RecursiveLockError(operation);
    try {
      this.waiters.park(kind, operation, options, this, 0, access);
    } catch (error) {
      // A writer that gives up may have held up readers.
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
