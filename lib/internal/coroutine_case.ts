import type { Coroutine } from '../coroutine.js';
import { CaseWaiter, NOT_READY, type Selectable, type SelectWait } from './selectable.js';

/** A coroutine as a case of `select`: its result. */
export class CoroutineCase<R> implements Selectable<R> {
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
