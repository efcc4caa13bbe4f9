import { functionOf, integerIn } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { checkpoint, Waiter, WaitQueue, type ParkOptions } from '../internal/parking.js';
import { SharedObject, type NameOptions } from './shared_object.js';

class PermitWaiter extends Waiter {
  constructor(readonly wanted: number) {
    super('semaphore.acquire');
  }
}

/**
 * A number of permits, granted in order of arrival: later requests for few do not overtake one for many.
 *
 * A semaphore made with 0 permits counts events and has no upper limit. One made with more guards that many resources, and
 * never has more than it began with.
 *
 * @example
 * ```ts
 * import { Semaphore, sleep, spawn } from 'stackful';
 *
 * const connections = new Semaphore(2, { name: 'connections' });
 * let most = 0;
 * const query = () => connections.withPermit(() => {
 *   most = Math.max(most, 2 - connections.available);
 *   sleep(1);
 * });
 * await Promise.all([1, 2, 3, 4].map(() => spawn(query)));
 * console.log(most); // 2
 * ```
 */
export class Semaphore extends SharedObject {
  private free: number;
  private readonly most: number;
  private readonly waiters = new WaitQueue();

  /** @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_UNKNOWN_OPTION`) */
  constructor(permits: number, options?: NameOptions) {
    super(options);
    this.free = integerIn('permits', permits, 0, Number.MAX_SAFE_INTEGER);
    this.most = permits === 0 ? Number.MAX_SAFE_INTEGER : permits;
  }

  /** How many permits are free. */
  get available(): number {
    return this.free;
  }

  /**
   * Takes `n` permits, all at once, as soon as they are free and earlier requests are served. Parks.
   *
   * @throws RangeError (`ERR_OUT_OF_RANGE`) for more than the semaphore can ever have, NotInCoroutineError
   *   (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  acquire(n = 1, options?: ParkOptions): void {
    checkpoint('semaphore.acquire', options);
    if (this.take(n)) return;
    try {
      this.waiters.park(ParkKind.semaphore, 'semaphore.acquire', options, this, 0, new PermitWaiter(n));
    } catch (error) {
      // It may have held up requests for fewer.
      this.grant();
      throw error;
    }
  }

  /** Takes `n` permits if that needs no waiting; returns whether it did. Never parks; callable anywhere. */
  tryAcquire(n = 1): boolean {
    return this.take(n);
  }

  /**
   * Gives `n` permits back. Never parks; callable anywhere.
   *
   * @throws RangeError (`ERR_OUT_OF_RANGE`) when that would make more than the semaphore began with; then nothing changes
   */
  release(n = 1): void {
    this.free += integerIn('n', n, 1, this.most - this.free);
    this.grant();
  }

  /** Runs `fn` with one permit and returns its result. Parks; throws what {@link acquire} throws. */
  withPermit<R>(fn: () => R, options?: ParkOptions): R {
    functionOf('fn', fn);
    this.acquire(1, options);
    try {
      return fn();
    } finally {
      this.release();
    }
  }

  /** @internal */
  override about(): object {
    return { available: this.free };
  }

  private take(n: number): boolean {
    integerIn('n', n, 1, this.most);
    if (this.free < n || !this.waiters.empty) return false;
    this.free -= n;
    return true;
  }

  private grant(): void {
    for (let first = this.first; first && first.wanted <= this.free; first = this.first) {
      this.waiters.remove(first);
      if (first.wake()) this.free -= first.wanted;
    }
  }

  private get first(): PermitWaiter | undefined {
    return this.waiters.first as PermitWaiter | undefined;
  }
}
