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

/** The options of a {@link BvtGroup}. */
export interface BvtGroupOptions extends BvtOptions {
  /** For `runQueue` and the inspector. Default: `group N`. */
  name?: string;
}

const KNOWN = new Set(['weight', 'warp', 'warpLimit', 'unwarpTime']);
const KNOWN_OF_GROUP = new Set([...KNOWN, 'name']);
const MOST_MS = 1e9;

/** The names of the groups by their shares; also of those that are collected while coroutines are in them. */
const names = new Map<number, string>();
const collected = new FinalizationRegistry<number>((share) => {
  if (!native.releaseShare(share)) names.delete(share);
});

function numbered(share: number): string {
  return `group ${String(share)}`;
}

/** The number of a new share, which the caller has to release. */
function make(name: string, options: BvtOptions, group: boolean): number {
  if (typeof options !== 'object' || (options as unknown) === null) throw invalidType(name, 'an object or a BvtGroup', options);
  knownOptions(name, options, group ? KNOWN_OF_GROUP : KNOWN);
  const { weight = 1, warp = 0, warpLimit = Infinity, unwarpTime = 0 } = options;
  numberIn(`${name}.weight`, weight, 0.001, 1000);
  numberIn(`${name}.warp`, warp, 0, MOST_MS);
  if (warpLimit !== Infinity) numberIn(`${name}.warpLimit`, warpLimit, 0.001, MOST_MS);
  numberIn(`${name}.unwarpTime`, unwarpTime, 0, MOST_MS);
  const own = (options as BvtGroupOptions).name;
  if (own !== undefined && typeof own !== 'string') throw invalidType(`${name}.name`, 'of type string', own);
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

  constructor(options: BvtGroupOptions = {}) {
    this.#share = make('options', options, true);
    const { name } = options;
    names.set(this.#share, name ?? numbered(this.#share));
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

/** What a {@link BvtGroup} has had, as `runQueue` shows it. Times in milliseconds. */
export interface BvtGroupState {
  /** What it was given, or `group N`. */
  name: string;
  /** What it was given. */
  weight: number;
  /** How long its coroutines have run under `'bvt'` altogether. */
  ran: number;
  /** The group whose virtual time is earliest runs next. It passes the slower the greater the weight is. */
  virtualTime: number;
}

/** So many groups are looked at. */
const MOST_GROUPS = 1_000;
/** Numbers for each share in `native.shareStates`. */
const FIELDS = 3;

/** The name of a group's share. @internal */
export function groupName(share: number): string {
  return names.get(share) ?? numbered(share);
}

/** The `most` groups that have run longest, that one first. @internal */
export function groupsNow(most: number): BvtGroupState[] {
  const shares = Int32Array.from([...names.keys()].slice(0, MOST_GROUPS));
  const numbers = native.shareStates(shares);
  const states: BvtGroupState[] = [];
  for (const [i, share] of shares.entries()) {
    const [weight, ran, virtualTime] = numbers.subarray(i * FIELDS);
    // Its last coroutine has left it since it was collected.
    if (weight === 0) names.delete(share);
    else states.push({ name: names.get(share)!, weight: weight!, ran: ran!, virtualTime: virtualTime! });
  }
  return states.sort((a, b) => b.ran - a.ran).slice(0, most);
}
