import { ParkKind } from './internal/kinds.js';
import { checkpoint, WaitQueue, type ParkOptions } from './internal/parking.js';
import { SharedObject } from './internal/shared_object.js';
import { invalidType } from './internal/arguments.js';
import { Mutex } from './mutex.js';

/**
 * Lets whoever holds a mutex wait until another has changed what it guards.
 *
 * ```ts
 * using lock = mutex.lock();
 * while (queue.length === 0) changed.wait();   // unlocks while it waits
 * ```
 */
export class Condition extends SharedObject {
  private readonly waiters = new WaitQueue();

  constructor(private readonly mutex: Mutex) {
    super();
    if (!(mutex instanceof Mutex)) throw invalidType('mutex', 'a Mutex', mutex);
  }

  /**
   * Unlocks the mutex, waits to be notified, and locks it again, whatever ends the wait: a cancelled one too returns, by
   * throwing, with the mutex locked. Others may have had it in between: look again at what was waited for. Parks.
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

  /** Lets the one who has waited longest go on, if there is one. Never parks; callable anywhere. */
  notify(): void {
    this.waiters.wakeOne();
  }

  /** Lets all who wait go on. Never parks; callable anywhere. */
  notifyAll(): void {
    this.waiters.wakeAll();
  }
}
