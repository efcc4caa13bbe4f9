import { ParkKind } from './internal/kinds.js';
import { checkpoint, WaitQueue, type ParkOptions } from './internal/parking.js';
import { CaseWaiter, NOT_READY, type Selectable, type SelectWait } from './internal/selectable.js';
import { SharedObject } from './internal/shared_object.js';

/** A flag that coroutines can wait for. Not the DOM's `Event`. */
export class Event extends SharedObject implements Selectable<undefined> {
  private flag = false;
  private readonly waiters = new WaitQueue();

  get isSet(): boolean {
    return this.flag;
  }

  /** Sets the flag and lets all who wait go on. Never parks; callable anywhere. */
  set(): void {
    this.flag = true;
    this.waiters.wakeAll();
  }

  /** Clears the flag. Who waits from now on waits for the next {@link set}. */
  reset(): void {
    this.flag = false;
  }

  /**
   * Returns when the flag is set, at once if it is. A `reset` right after `set` does not hold back those who waited.
   * Parks.
   *
   * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
   *   (`ERR_TIMEOUT`), the signal's reason
   */
  wait(options?: ParkOptions): void {
    checkpoint('event.wait', options);
    if (!this.flag) this.waiters.park(ParkKind.event, 'event.wait', options, this);
  }

  // An event is a case of `select`: that it is set.

  /** @internal */
  selectNow(): undefined | typeof NOT_READY {
    return this.flag ? undefined : NOT_READY;
  }

  /** @internal */
  selectLater(select: SelectWait, index: number): CaseWaiter {
    return new CaseWaiter<void>(select, index).in(this.waiters);
  }

  /** @internal */
  selectResult(): undefined {
    return undefined;
  }
}
