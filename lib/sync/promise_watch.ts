import { WaitQueue } from '../internal/parking.js';
import { CaseWaiter, NOT_READY, type GIVES, type Selectable, type SelectWait } from './selectable.js';

const watches = new WeakMap<PromiseLike<unknown>, PromiseWatch>();

/**
 * A promise as a case of `select`. Each promise has one, however often it is selected: a promise keeps every callback until
 * it is settled, so a loop that added one in each round would fill the memory.
 */
class PromiseWatch implements Selectable<unknown> {
  declare readonly [GIVES]: unknown;
  private settled = false;
  private failed = false;
  private outcome: unknown;
  private readonly waiters = new WaitQueue();

  constructor(promise: PromiseLike<unknown>) {
    promise.then(
      (value) => { this.settle(false, value); },
      (reason: unknown) => { this.settle(true, reason); },
    );
  }

  selectNow(): unknown {
    return this.settled ? this.selectResult() : NOT_READY;
  }

  selectLater(select: SelectWait, index: number): CaseWaiter {
    return new CaseWaiter<void>(select, index).in(this.waiters);
  }

  selectResult(): unknown {
    if (this.failed) throw this.outcome;
    return this.outcome;
  }

  private settle(failed: boolean, outcome: unknown): void {
    this.settled = true;
    this.failed = failed;
    this.outcome = outcome;
    this.waiters.wakeAll();
  }
}

export function watchPromise(promise: PromiseLike<unknown>): Selectable<unknown> {
  let watch = watches.get(promise);
  if (!watch) watches.set(promise, (watch = new PromiseWatch(promise)));
  return watch;
}
