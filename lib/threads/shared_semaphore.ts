import { Semaphore, valueOf, type SemaphoreCore } from './semaphore.js';
import { OWN, SharedCore } from './shared_core.js';
import type { ObjectOptions } from './thread_object.js';

const VALUE = OWN;
const WORDS = 1;

/** The semaphore of threads in several workers. */
export class SharedSemaphoreCore extends SharedCore implements SemaphoreCore {
  constructor(words: number | Int32Array = WORDS) {
    super(words);
  }

  static of(value: number): SharedSemaphoreCore {
    const core = new SharedSemaphoreCore();
    core.words[VALUE] = valueOf(value);
    return core;
  }

  get value(): number {
    return Atomics.load(this.words, VALUE);
  }

  wait(): void {
    this.whileBusy(() => { this.waitUntil('semaphore.wait', () => this.tryWait()); });
  }

  tryWait(): boolean {
    for (let { value } = this; value > 0; { value } = this) {
      if (Atomics.compareExchange(this.words, VALUE, value, value - 1) === value) return true;
    }
    return false;
  }

  post(): void {
    Atomics.add(this.words, VALUE, 1);
    this.announce();
  }
}

/** The `Semaphore` of `over('workers')`. */
export class SharedSemaphore extends Semaphore {
  constructor(value = 0, options: ObjectOptions = {}, core: SemaphoreCore = SharedSemaphoreCore.of(value)) {
    super(value, options, core);
  }
}
