import type { Waitable } from './waiting.js';

let lastId = 0;

/** What coroutines wait for each other with: a number, for reports to tell one from another. */
export abstract class SharedObject implements Waitable {
  /** @internal */
  readonly id = ++lastId;

  /** @internal */
  get label(): string {
    return `${this.constructor.name} #${String(this.id)}`;
  }
}
