import { ParkKind } from '../internal/kinds.js';
import { checkpoint, WaitQueue, type ParkOptions } from '../internal/parking.js';
import { CaseWaiter, NOT_READY, type GIVES, type Selectable, type SelectWait } from './selectable.js';
import { SharedObject } from './shared_object.js';

/**
 * A flag that coroutines can wait for. Not the DOM's `Event`.
 *
 * @example
 * ```ts
 * import { Event, spawn } from 'stackful';
 *
 * const ready = new Event({ name: 'ready' });
 * const client = spawn(() => {
 *   ready.wait();
 *   return 'goes on';
 * });
 * ready.set(); // on the main stack, too
 * console.log(await client); // goes on
 * ```
 */
export class Event extends SharedObject implements Selectable<undefined> {
  /** @hidden */
  declare readonly [GIVES]: undefined;
  private flag = false;
  private readonly waiters = new WaitQueue();

  /** @internal */
  override about(): object {
    return { isSet: this.flag };
  }

  /** Whether the flag is set. */
  get isSet(): boolean {
    return this.flag;
  }

  /** Sets the flag and wakes all that wait. Never parks; callable anywhere. */
  set(): void {
    this.flag = true;
    this.waiters.wakeAll();
  }

  /** Clears the flag: later waits wait for the next {@link set}. Never parks; callable anywhere. */
  reset(): void {
    this.flag = false;
  }

  /**
   * Returns when the flag is set, at once if it is. A `reset` right after `set` does not hold back coroutines that waited
   * for the `set`. Parks.
   *
   * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
   *   (`ERR_TIMEOUT`), the signal's reason
   */
  wait(options?: ParkOptions): void {
    checkpoint('event.wait', options);
    if (!this.flag) this.waiters.park(ParkKind.event, 'event.wait', options, this);
  }

  // An event is a case of `select`: the flag is set.

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
