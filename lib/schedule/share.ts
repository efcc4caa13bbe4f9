import { invalidType, numberIn } from '../internal/arguments.js';
import { native } from '../internal/native.js';
import { knownOptions } from '../internal/options.js';
import { needVirtualTime } from './policy_in_force.js';

/** How much of the thread's time coroutines get under the scheduling policy `'bvt'`, and how soon. */
export interface BvtOptions {
  /** Of all shares that have something to do, each gets time in proportion to its weight, from 0.001 to 1000. Default 1. */
  weight?: number;
  /**
   * How far it is put before its turn when it becomes ready, in milliseconds of one whose weight is 1. It then runs at once,
   * and pays for it later: in the long run its weight decides. Default 0.
   */
  warp?: number;
  /** How long it may run before its turn, in milliseconds; then it is put back until it has waited. Default: without limit. */
  warpLimit?: number;
  /** For how long it is put back after that, in milliseconds, even if it waits. Default 0. */
  unwarpTime?: number;
}

const KNOWN = new Set(['weight', 'warp', 'warpLimit', 'unwarpTime']);
const MOST_MS = 1e9;

const collected = new FinalizationRegistry<number>((share) => { native.releaseShare(share); });

/** The number of a new share, which the caller has to release. */
function make(name: string, options: BvtOptions, group: boolean): number {
  if (typeof options !== 'object' || (options as unknown) === null) throw invalidType(name, 'an object or a BvtGroup', options);
  knownOptions(name, options, KNOWN);
  const { weight = 1, warp = 0, warpLimit = Infinity, unwarpTime = 0 } = options;
  numberIn(`${name}.weight`, weight, 0.001, 1000);
  numberIn(`${name}.warp`, warp, 0, MOST_MS);
  if (warpLimit !== Infinity) numberIn(`${name}.warpLimit`, warpLimit, 0.001, MOST_MS);
  numberIn(`${name}.unwarpTime`, unwarpTime, 0, MOST_MS);
  return native.makeShare(weight, warp, warpLimit === Infinity ? 0 : warpLimit, unwarpTime, group);
}

/**
 * Coroutines that count as one under the scheduling policy `'bvt'`: all those of a tenant, or all that do background work, share
 * the time of one weight, in turn. Coroutines that a member spawns while `'bvt'` is in force join the group.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`)
 *
 * @example
 * ```ts
 * import { BvtGroup, configure, spawn, yieldNow } from 'stackful';
 *
 * configure({ schedulingPolicy: 'bvt' });
 * const paying = new BvtGroup({ weight: 3 });
 * const others = new BvtGroup();
 * const work = () => { for (let i = 0; i < 10; i++) yieldNow(); };
 * const all = [paying, others].map((bvt) => spawn(work, { bvt }));
 * await Promise.all(all);
 * console.log(paying.ran > 0); // true
 * configure({ schedulingPolicy: 'fifo' });
 * ```
 */
export class BvtGroup {
  readonly #share: number;

  constructor(options: BvtOptions = {}) {
    this.#share = make('options', options, true);
    collected.register(this, this.#share);
  }

  /** How long its coroutines have run under `'bvt'` altogether, in milliseconds. */
  get ran(): number {
    return native.shareRan(this.#share);
  }

  /** @internal */
  join(slot: number): void {
    native.joinShare(slot, this.#share);
  }
}

/** What `spawn` does with its option `bvt`. @internal */
export function shareOf(name: string, given: BvtOptions | BvtGroup): { join(slot: number): void } {
  const share = given instanceof BvtGroup ? given : make(name, given, false);
  needVirtualTime();
  if (typeof share !== 'number') return share;
  return {
    join(slot) {
      native.joinShare(slot, share);
      native.releaseShare(share);
    },
  };
}
