import { shield } from '../coroutine/shield.js';
import { cancellationPoint } from './cancellation.js';
import { Condition, type ConditionCore } from './condition.js';
import { ThreadError } from './errors.js';
import type { MutexCore } from './mutex.js';
import { SharedCore } from './shared_core.js';
import { SharedMutexCore } from './shared_mutex.js';
import type { ObjectOptions } from './thread_object.js';

/** The condition of threads in several workers. */
export class SharedConditionCore extends SharedCore implements ConditionCore {
  constructor(words: number | Int32Array = 0) {
    super(words);
  }

  wait(mutex: MutexCore): void {
    if (!(mutex instanceof SharedMutexCore)) throw new ThreadError('condition.wait', 'EINVAL', 'the mutex is one over coroutines');
    cancellationPoint('condition.wait');
    const { changes } = this;
    this.whileBusy(() => {
      mutex.unlock();
      try {
        this.waitForChange('condition.wait', changes);
      } finally {
        shield(() => { mutex.lock(); });
      }
    });
  }

  signal(): void {
    this.announce(1);
  }

  broadcast(): void {
    this.announce();
  }
}

/** The `Condition` of `over('workers')`. */
export class SharedCondition extends Condition {
  constructor(options: ObjectOptions = {}, core: ConditionCore = new SharedConditionCore()) {
    super(options, core);
  }
}
