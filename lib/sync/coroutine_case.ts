import type { Coroutine } from '../coroutine/coroutine.js';
import { CaseWaiter, NOT_READY, type GIVES, type Selectable, type SelectWait } from './selectable.js';

/** A coroutine as a case of `select`: its result. */
export class CoroutineCase<R> implements Selectable<R> {
  declare readonly [GIVES]: R;
  constructor(private readonly coroutine: Coroutine<R>) {}

  selectNow(): R | typeof NOT_READY {
    return this.coroutine.state === 'done' ? this.coroutine.join() : NOT_READY;
  }

  selectLater(select: SelectWait, index: number): CaseWaiter {
    return new CaseWaiter<void>(select, index).in(this.coroutine.joinerQueue);
  }

  selectResult(): R {
    return this.coroutine.join();
  }
}
