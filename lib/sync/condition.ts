import { invalidType } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { checkpoint, WaitQueue, type ParkOptions } from '../internal/parking.js';
import { Mutex } from './mutex.js';
import { SharedObject, type NameOptions } from './shared_object.js';

/**
 * Lets the holder of a mutex wait until another coroutine has changed the data that the mutex guards.
 *
 * @example
 * ```ts
 * import { Condition, Mutex, spawn } from 'stackful';
 *
 * const mutex = new Mutex();
 * const changed = new Condition(mutex);
 * const queue: string[] = [];
 * const consumer = spawn(() => {
 *   using lock = mutex.lock();
 *   while (queue.length === 0) changed.wait(); // unlocks the mutex while it waits
 *   return queue.shift();
 * });
 * await spawn(() => mutex.withLock(() => {
 *   queue.push('a letter');
 *   changed.notify();
 * }));
 * console.log(await consumer); // a letter
 * ```
 */
export class Condition extends SharedObject {
  private readonly waiters = new WaitQueue();

  /** @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`) */
  constructor(private readonly mutex: Mutex, options?: NameOptions) {
    super(options);
    if (!(mutex instanceof Mutex)) throw invalidType('mutex', 'a Mutex', mutex);
  }

  /**
   * Unlocks the mutex, waits for a notification, and locks the mutex again. An interrupted wait locks it, too, before it
   * throws. Other coroutines may have held the mutex in between, so test the condition again. Parks.
   *
   * @throws LockOwnerError (`ERR_LOCK_NOT_OWNED`) when this coroutine has not locked the mutex, NotInCoroutineError
   *   (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  wait(options?: ParkOptions): void {
    checkpoint('condition.wait', options);
    this.mutex.without('condition.wait', () => {
      this.waiters.park(ParkKind.condition, 'condition.wait', options, this);
    });
  }

  /** Wakes the one that has waited longest, if there is one. Never parks; callable anywhere. */
  notify(): void {
    this.waiters.wakeOne();
  }

  /** Wakes all that wait. Never parks; callable anywhere. */
  notifyAll(): void {
    this.waiters.wakeAll();
  }
}
