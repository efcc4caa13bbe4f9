import { Once, type OnceCore } from './once.js';
import { SharedMutexCore, MUTEX_WORDS } from './shared_mutex.js';
import { OWN } from './shared_core.js';
import type { ObjectOptions } from './thread_object.js';

const DONE = OWN + MUTEX_WORDS;

export class SharedOnceCore extends SharedMutexCore implements OnceCore {
  constructor(words: number | Int32Array = MUTEX_WORDS + 1) {
    super(words);
  }

  get done(): boolean {
    return Atomics.load(this.words, DONE) !== 0;
  }

  set done(done: boolean) {
    Atomics.store(this.words, DONE, Number(done));
  }
}

/** The `Once` of `over('workers')`. */
export class SharedOnce extends Once {
  constructor(options: ObjectOptions = {}, core: OnceCore = new SharedOnceCore()) {
    super(options, core);
  }
}
