import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import type { Coroutine } from '../coroutine/coroutine.js';
import { current } from '../internal/current.js';

/** Numbers the coroutines that are spawned from now on, as they are: in a recording and in its replay alike. */
export class Members {
  private readonly numbers = new WeakMap<Coroutine, number>();
  private count = 0;
  private readonly onSpawn = (message: unknown) => {
    const { coroutine } = message as { coroutine: Coroutine };
    const parent = current();
    // One that was there before spawns for itself; so does the main stack, where members come by `admit`.
    if (parent ? !this.numbers.has(parent) : this.byAdmission) return;
    this.admit(coroutine);
  };

  /** @param byAdmission only what `admit` is called with, and what that spawns, belongs */
  constructor(private readonly spawned?: (coroutine: Coroutine, number: number) => void, private readonly byAdmission = false) {
    subscribe('stackful.spawn', this.onSpawn);
  }

  admit(coroutine: Coroutine): number {
    const number = this.count++;
    this.numbers.set(coroutine, number);
    this.spawned?.(coroutine, number);
    return number;
  }

  /** -1 on the main stack; undefined: it does not belong. */
  numberOf(coroutine: Coroutine | undefined): number | undefined {
    if (coroutine) return this.numbers.get(coroutine);
    return this.byAdmission ? undefined : -1;
  }

  end(): void {
    unsubscribe('stackful.spawn', this.onSpawn);
  }
}
