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
    // One that was there before spawns for itself.
    if (parent && !this.numbers.has(parent)) return;
    this.numbers.set(coroutine, this.count);
    this.spawned?.(coroutine, this.count);
    this.count++;
  };

  constructor(private readonly spawned?: (coroutine: Coroutine, number: number) => void) {
    subscribe('stackful.spawn', this.onSpawn);
  }

  /** -1 on the main stack; undefined: it does not belong. */
  numberOf(coroutine: Coroutine | undefined): number | undefined {
    return coroutine ? this.numbers.get(coroutine) : -1;
  }

  end(): void {
    unsubscribe('stackful.spawn', this.onSpawn);
  }
}
