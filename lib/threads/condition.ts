import { timeout } from '../coroutine/timeout.js';
import { invalidType } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';
import { Condition as LocalConditionOf } from '../sync/condition.js';
import { waitUnder } from './cancellation.js';
import { ThreadError } from './errors.js';
import { LocalMutex } from './local_mutex.js';
import { Mutex, type MutexCore } from './mutex.js';
import { ThreadObject, type Core, type ObjectOptions } from './thread_object.js';

export interface ConditionCore extends Core {
  /** Unlocks the mutex, waits, and locks it again. */
  wait(mutex: MutexCore): void;
  signal(): void;
  broadcast(): void;
}

/** The condition of threads that are coroutines: the library's, made for the mutex that the first wait gives. */
class LocalCondition implements ConditionCore {
  destroyed = false;
  private condition: LocalConditionOf | undefined;
  private mutex: LocalMutex | undefined;
  private waiting = 0;

  constructor(private readonly options: ObjectOptions) {}

  get busy(): boolean {
    return this.waiting > 0;
  }

  wait(mutex: MutexCore): void {
    if (!(mutex instanceof LocalMutex)) throw new ThreadError('condition.wait', 'EINVAL', 'the mutex is one over workers');
    if (this.mutex !== mutex) {
      if (this.busy) throw new ThreadError('condition.wait', 'EINVAL', 'other threads wait for it with another mutex');
      this.mutex = mutex;
      this.condition = new LocalConditionOf(mutex.lockable, this.options);
    }
    this.waiting++;
    try {
      mutex.without(() => { this.condition!.wait(); });
    } finally {
      this.waiting--;
    }
  }

  signal(): void {
    this.condition?.notify();
  }

  broadcast(): void {
    this.condition?.notifyAll();
  }
}

const KNOWN = new Set(['name']);

/**
 * Lets the holder of a mutex wait until another thread has changed what the mutex guards. A wait may end without a signal, and other
 * threads may have held the mutex in between, so test again what you wait for.
 *
 * @example
 * ```ts
 * import { Condition, create, join, Mutex } from 'stackful/threads';
 *
 * await create(() => {
 *   const mutex = new Mutex();
 *   const changed = new Condition();
 *   const letters: string[] = [];
 *   const reader = create(() => mutex.withLock(() => {
 *     while (letters.length === 0) changed.wait(mutex); // unlocks the mutex while it waits
 *     return letters.shift();
 *   }));
 *   mutex.withLock(() => {
 *     letters.push('a letter');
 *     changed.signal();
 *   });
 *   console.log(join(reader)); // a letter
 * });
 * ```
 */
export class Condition extends ThreadObject<ConditionCore> {
  /** @throws TypeError (`ERR_UNKNOWN_OPTION`) */
  constructor(options?: ObjectOptions);
  /** For `over('workers')`. @internal */
  constructor(options: ObjectOptions, core: ConditionCore);
  constructor(options: ObjectOptions = {}, core: ConditionCore = new LocalCondition(options)) {
    knownOptions('Condition', options, KNOWN);
    super(core, options.name);
  }

  /**
   * Unlocks the mutex, however often this thread has locked it, waits for a signal, and locks it again as it was. A wait that is ended
   * early locks it, too, before it throws. Parks.
   *
   * @throws ThreadError (`EPERM`) when this thread does not hold the mutex, (`EINVAL`) after `destroy`, when other threads wait with
   *   another mutex, or one is over coroutines and the other over workers, (`EOWNERDEAD`) when a holder of the mutex has ended meanwhile:
   *   then this thread does not hold it; NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
   *   (`ERR_TIMEOUT`), the signal's reason
   */
  wait(mutex: Mutex, options?: ParkOptions): void {
    const core = this.usable('condition.wait');
    if (!(mutex instanceof Mutex)) throw invalidType('mutex', 'a Mutex', mutex);
    waitUnder('condition.wait', options, () => {
      mutex.without('condition.wait', (lock) => { core.wait(lock); });
    });
  }

  /**
   * As {@link wait}, for at most `ms` milliseconds, and for the mutex again; returns false if they are over. For a loop that may take so
   * long as a whole, put `timeout` of `stackful` around it. Parks. @throws as {@link wait}
   */
  timedWait(mutex: Mutex, ms: number): boolean {
    return timeout(ms, () => (this.wait(mutex), true), () => false);
  }

  /** Wakes one thread that waits, if there is one. Never parks; callable anywhere. @throws ThreadError (`EINVAL`) */
  signal(): void {
    this.usable('condition.signal').signal();
  }

  /** Wakes all threads that wait. Never parks; callable anywhere. @throws ThreadError (`EINVAL`) */
  broadcast(): void {
    this.usable('condition.broadcast').broadcast();
  }
}
