import { timeout } from '../coroutine/timeout.js';
import { INT_MAX, integerIn } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';
import { Semaphore as LocalSemaphoreOf } from '../sync/semaphore.js';
import { waitUnder } from './cancellation.js';
import { ThreadError } from './errors.js';
import { ThreadObject, type Core, type ObjectOptions } from './thread_object.js';

export interface SemaphoreCore extends Core {
  readonly value: number;
  wait(): void;
  tryWait(): boolean;
  post(): void;
}

class LocalSemaphore implements SemaphoreCore {
  destroyed = false;
  private waiting = 0;
  private readonly semaphore: LocalSemaphoreOf;

  constructor(value: number, options: ObjectOptions) {
    // One made with permits would never have more than those.
    this.semaphore = new LocalSemaphoreOf(0, options);
    if (value > 0) this.semaphore.release(value);
  }

  get value(): number {
    return this.semaphore.available;
  }

  get busy(): boolean {
    return this.waiting > 0;
  }

  wait(): void {
    this.waiting++;
    try {
      this.semaphore.acquire();
    } finally {
      this.waiting--;
    }
  }

  tryWait(): boolean {
    return this.semaphore.tryAcquire();
  }

  post(): void {
    this.semaphore.release();
  }
}

const KNOWN = new Set(['name']);

export function valueOf(value: number): number {
  return integerIn('value', value, 0, INT_MAX);
}

/**
 * A count that no thread lets go below 0: a thread that would waits until another adds to it.
 *
 * @example
 * ```ts
 * import { create, join, Semaphore } from 'stackful/threads';
 *
 * await create(() => {
 *   const filled = new Semaphore(0);
 *   const consumer = create(() => {
 *     filled.wait();
 *     return filled.value;
 *   });
 *   filled.post();
 *   console.log(join(consumer)); // 0
 * });
 * ```
 */
export class Semaphore extends ThreadObject<SemaphoreCore> {
  /**
   * @param value the first value, 0 if absent
   * @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_UNKNOWN_OPTION`)
   */
  constructor(value?: number, options?: ObjectOptions);
  /** For `over('workers')`. @internal */
  constructor(value: number, options: ObjectOptions, core: SemaphoreCore);
  constructor(value = 0, options: ObjectOptions = {}, core: SemaphoreCore = new LocalSemaphore(valueOf(value), options)) {
    knownOptions('Semaphore', options, KNOWN);
    super(core, options.name);
  }

  /** The value now. */
  get value(): number {
    return this.core.value;
  }

  /**
   * Waits until the value is above 0 and takes 1 away. Parks.
   *
   * @throws ThreadError (`EINVAL`) after `destroy`, NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`),
   *   TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  wait(options?: ParkOptions): void {
    const core = this.usable('semaphore.wait');
    waitUnder('semaphore.wait', options, () => { core.wait(); });
  }

  /** Takes 1 away if that needs no waiting, and returns whether it did. Never parks. @throws ThreadError (`EINVAL`) after `destroy` */
  tryWait(): boolean {
    return this.usable('semaphore.tryWait').tryWait();
  }

  /** As {@link wait}, for at most `ms` milliseconds; returns whether it took 1 away. Parks. @throws as {@link wait} */
  timedWait(ms: number): boolean {
    return this.tryWait() || timeout(ms, () => (this.wait(), true), () => false);
  }

  /** Adds 1. Never parks; callable anywhere. @throws ThreadError (`EAGAIN`) past 2147483647, (`EINVAL`) after `destroy` */
  post(): void {
    const core = this.usable('semaphore.post');
    if (core.value === INT_MAX) throw new ThreadError('semaphore.post', 'EAGAIN', `the value of ${this.label} is as large as it can be`);
    core.post();
  }
}
