import { functionOf, integerIn } from './internal/arguments.js';
import { ParkKind } from './internal/kinds.js';
import { checkpoint, Waiter, WaitQueue, type ParkOptions } from './internal/parking.js';
import { SharedObject } from './internal/shared_object.js';

class PermitWaiter extends Waiter {
  constructor(readonly wanted: number) {
    super('semaphore.acquire');
  }
}

/**
 * A number of permits, handed out in the order of asking: a request for many is not overtaken by later ones for few.
 *
 * Made with 0 permits it counts what happens and has no upper limit; made with more it guards that many of something,
 * and can never hold more than it began with.
 */
export class Semaphore extends SharedObject {
  private free: number;
  private readonly most: number;
  private readonly waiters = new WaitQueue();

  /** @throws RangeError (`ERR_OUT_OF_RANGE`) */
  constructor(permits: number) {
    super();
    this.free = integerIn('permits', permits, 0, Number.MAX_SAFE_INTEGER);
    this.most = permits === 0 ? Number.MAX_SAFE_INTEGER : permits;
  }

  /** Permits that could be had now. */
  get available(): number {
    return this.free;
  }

  /**
   * Takes `n` permits, all at once, as soon as they are free and those who came before are served. Parks.
   *
   * @throws RangeError (`ERR_OUT_OF_RANGE`) for more than there can ever be, NotInCoroutineError
   *   (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  acquire(n = 1, options?: ParkOptions): void {
    checkpoint('semaphore.acquire', options);
    if (this.take(n)) return;
    try {
      this.waiters.park(ParkKind.semaphore, 'semaphore.acquire', options, this, 0, new PermitWaiter(n));
    } catch (error) {
      // It may have held up others that want less.
      this.grant();
      throw error;
    }
  }

  /** Takes `n` permits if that needs no waiting. Never parks; callable anywhere. */
  tryAcquire(n = 1): boolean {
    return this.take(n);
  }

  /**
   * Gives `n` permits back. Never parks; callable anywhere.
   *
   * @throws RangeError (`ERR_OUT_OF_RANGE`) when that would be more than the semaphore began with; nothing changes
   */
  release(n = 1): void {
    this.free += integerIn('n', n, 1, this.most - this.free);
    this.grant();
  }

  /** Runs `fn` with one permit and returns what it returns. Parks; throws what {@link acquire} throws. */
  withPermit<R>(fn: () => R, options?: ParkOptions): R {
    functionOf('fn', fn);
    this.acquire(1, options);
    try {
      return fn();
    } finally {
      this.release();
    }
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
