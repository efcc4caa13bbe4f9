import { integerIn } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';
import { Barrier as LocalBarrierOf } from '../sync/barrier.js';
import { waitUnder } from './cancellation.js';
import { ThreadObject, type Core, type ObjectOptions } from './thread_object.js';

export interface BarrierCore extends Core {
  readonly parties: number;
  /** Returns true to one of them. */
  wait(): boolean;
}

class LocalBarrier implements BarrierCore {
  destroyed = false;
  private readonly barrier: LocalBarrierOf;

  constructor(parties: number, options: ObjectOptions) {
    this.barrier = new LocalBarrierOf(parties, options);
  }

  get parties(): number {
    return this.barrier.parties;
  }

  get busy(): boolean {
    return this.barrier.waiting > 0;
  }

  wait(): boolean {
    return this.barrier.wait() === this.parties - 1;
  }
}

/** The most parties of a barrier, so that the count of a shared one and the number of its round fit one word. */
const MOST = 2 ** 15 - 1;
const KNOWN = new Set(['name']);

export function partiesOf(parties: number): number {
  return integerIn('parties', parties, 1, MOST);
}

/**
 * A meeting point: each thread waits until `parties` of them wait, then all go on, and the barrier can be used again.
 *
 * @example
 * ```ts
 * import { Barrier, create, join } from 'stackful/threads';
 *
 * await create(() => {
 *   const barrier = new Barrier(2);
 *   const last = [1, 2].map(() => create(() => barrier.wait()));
 *   console.log(last.map((thread) => join(thread)).sort().join(' ')); // false true
 * });
 * ```
 */
export class Barrier extends ThreadObject<BarrierCore> {
  /**
   * @param parties how many threads meet, at most 32767
   * @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_UNKNOWN_OPTION`)
   */
  constructor(parties: number, options?: ObjectOptions);
  /** For `over('workers')`. @internal */
  constructor(parties: number, options: ObjectOptions, core: BarrierCore);
  constructor(parties: number, options: ObjectOptions = {}, core: BarrierCore = new LocalBarrier(partiesOf(parties), options)) {
    knownOptions('Barrier', options, KNOWN);
    super(core, options.name);
  }

  /** How many threads meet. */
  get parties(): number {
    return this.core.parties;
  }

  /**
   * Waits for the others. A thread whose wait is ended early does not count: the others wait for another. Parks.
   *
   * @returns true in exactly one of the threads, as `PTHREAD_BARRIER_SERIAL_THREAD` says
   * @throws ThreadError (`EINVAL`) after `destroy`, NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`),
   *   TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  wait(options?: ParkOptions): boolean {
    const core = this.usable('barrier.wait');
    return waitUnder('barrier.wait', options, () => core.wait());
  }
}
