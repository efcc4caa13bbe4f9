import type { Coroutine } from '../coroutine/coroutine.js';
import { timeout } from '../coroutine/timeout.js';
import { current } from '../internal/current.js';
import { knownOptions } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';
import { ReadWriteLock as LocalLock, type Access } from '../sync/read_write_lock.js';
import { waitUnder } from './cancellation.js';
import { ThreadError } from './errors.js';
import { ThreadObject, type Core, type ObjectOptions } from './thread_object.js';

/** A lock for the thread that runs, which reads or `writes`. */
export interface ReadWriteCore extends Core {
  /** How the running thread holds it. */
  readonly mine: 'reads' | 'writes' | undefined;
  lock(writes: boolean): void;
  tryLock(writes: boolean): boolean;
  unlock(): void;
}

class LocalReadWriteLock implements ReadWriteCore {
  destroyed = false;
  private readonly lockable: LocalLock;
  private readonly accesses = new Map<Coroutine, Access[]>();
  private waiting = 0;

  constructor(options: ObjectOptions) {
    this.lockable = new LocalLock(options);
  }

  get busy(): boolean {
    return this.accesses.size > 0 || this.waiting > 0;
  }

  get mine(): 'reads' | 'writes' | undefined {
    const access = this.accesses.get(current()!)?.[0];
    return access && (access.writes ? 'writes' : 'reads');
  }

  lock(writes: boolean): void {
    this.waiting++;
    try {
      this.note(this.lockable.enter(writes));
    } finally {
      this.waiting--;
    }
  }

  tryLock(writes: boolean): boolean {
    const access = this.lockable.tryEnter(writes);
    if (access) this.note(access);
    return access !== undefined;
  }

  unlock(): void {
    const mine = this.accesses.get(current()!)!;
    this.lockable.leave(mine.pop()!);
    if (mine.length === 0) this.accesses.delete(current()!);
  }

  private note(access: Access): void {
    const mine = this.accesses.get(access.coroutine);
    if (mine) mine.push(access);
    else this.accesses.set(access.coroutine, [access]);
  }
}

const KNOWN = new Set(['name']);

/**
 * A lock for many readers or one writer. A reader does not overtake a writer that waits, unless it reads already. When a thread ends with
 * the lock held, it stays locked.
 *
 * @example
 * ```ts
 * import { create, join, ReadWriteLock } from 'stackful/threads';
 *
 * await create(() => {
 *   const lock = new ReadWriteLock();
 *   lock.readLock();
 *   const others = create(() => [lock.tryReadLock(), lock.tryWriteLock()].join(' '));
 *   console.log(join(others)); // true false
 *   lock.unlock();
 * });
 * ```
 */
export class ReadWriteLock extends ThreadObject<ReadWriteCore> {
  /** @throws TypeError (`ERR_UNKNOWN_OPTION`) */
  constructor(options?: ObjectOptions);
  /** For `over('workers')`. @internal */
  constructor(options: ObjectOptions, core: ReadWriteCore);
  constructor(options: ObjectOptions = {}, core: ReadWriteCore = new LocalReadWriteLock(options)) {
    knownOptions('ReadWriteLock', options, KNOWN);
    super(core, options.name);
  }

  /**
   * Waits until no thread writes, nor waits to, and locks for reading. A thread may do so several times, and unlocks as often. Parks.
   *
   * @throws ThreadError (`EDEADLK`) when this thread writes, (`EINVAL`) after `destroy`; NotInCoroutineError
   *   (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  readLock(options?: ParkOptions): void {
    this.lock('readWriteLock.readLock', false, options);
  }

  /** Locks for reading if that needs no waiting, and returns whether it did. Never parks. @throws ThreadError (`EINVAL`) */
  tryReadLock(): boolean {
    return this.usable('readWriteLock.tryReadLock').tryLock(false);
  }

  /** As {@link readLock}, for at most `ms` milliseconds; returns whether it locked. Parks. @throws as {@link readLock} */
  timedReadLock(ms: number): boolean {
    return this.tryReadLock() || timeout(ms, () => (this.readLock(), true), () => false);
  }

  /**
   * Waits until no other thread reads or writes, and locks for writing. Parks.
   *
   * @throws ThreadError (`EDEADLK`) when this thread reads or writes; otherwise as {@link readLock}
   */
  writeLock(options?: ParkOptions): void {
    this.lock('readWriteLock.writeLock', true, options);
  }

  /** Locks for writing if that needs no waiting, and returns whether it did. Never parks. @throws ThreadError (`EINVAL`) */
  tryWriteLock(): boolean {
    return this.usable('readWriteLock.tryWriteLock').tryLock(true);
  }

  /** As {@link writeLock}, for at most `ms` milliseconds; returns whether it locked. Parks. @throws as {@link writeLock} */
  timedWriteLock(ms: number): boolean {
    return this.tryWriteLock() || timeout(ms, () => (this.writeLock(), true), () => false);
  }

  /** Unlocks what this thread has locked. Never parks. @throws ThreadError (`EPERM`) when it holds nothing, (`EINVAL`) after `destroy` */
  unlock(): void {
    const core = this.usable('readWriteLock.unlock');
    if (!core.mine) throw new ThreadError('readWriteLock.unlock', 'EPERM', `this thread does not hold ${this.label}`);
    core.unlock();
  }

  private lock(operation: string, writes: boolean, options: ParkOptions | undefined): void {
    const core = this.usable(operation);
    const { mine } = core;
    if (mine === 'writes' || (mine && writes)) throw new ThreadError(operation, 'EDEADLK', `this thread ${mine} already`);
    waitUnder(operation, options, () => { core.lock(writes); });
  }
}
