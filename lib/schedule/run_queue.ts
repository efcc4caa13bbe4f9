import type { Coroutine } from '../coroutine/coroutine.js';
import { integerIn } from '../internal/arguments.js';
import { coroutineAt } from '../internal/current.js';
import { native } from '../internal/native.js';
import { knownOptions } from '../internal/options.js';
import { simulating } from '../internal/simulating.js';
import { isObserver } from '../observe/deadlock.js';
import { reasonName, type PolicyName, type Priority } from './policy.js';
import { policyInForce, PRIORITIES } from './policy_in_force.js';
import { lowImportanceNow, type LowImportance } from './regulation.js';
import { groupName, groupsNow, type BvtGroupState } from './share.js';

/** The options of {@link runQueue}. */
export interface RunQueueOptions {
  /** How many of those that are ready, of groups and of coroutines of low importance are shown, 0 to 1,000. Default 20. */
  limit?: number;
}

/** A coroutine that is ready, and why it has its place in the run queue. Times in milliseconds. */
export interface ReadyCoroutine {
  /** Which one. */
  coroutine: Coroutine;
  /** Why it runs when it does, in words: `has been ready for 3ms`. */
  reason: string;
  /** For how long it has been ready, to about 2. */
  readyFor: number;
  /** What it was parked on last, such as `'socket.read'`; `'yield'`; `'start'` before its first turn. */
  after: string;
  /** Under `'priority'`. */
  priority?: Priority;
  /** Under `'bvt'`: the name of its group, if it is in one. */
  group?: string;
  /** Under `'bvt'`: the effective virtual time of its share. The earliest runs next. */
  virtualTime?: number;
  /** Under `'bvt'`: the weight of its share. */
  weight?: number;
  /** Under `'bvt'`: how far its share is ahead of its turn by warping now. */
  warp?: number;
  /** Under `'srpt'`: how much work is left of what it does. */
  remaining?: number;
  /** Under `'srpt'`: where that is known from. */
  remainingFrom?: 'expectWork' | 'file' | 'its kind' | 'all kinds' | 'what it has used' | 'nothing';
}

/** Which coroutine runs next, and why. */
export interface RunQueue {
  /** What decides: a policy of the application's own is `'application'`, and inside `simulate` that is `'simulation'`. */
  policy: PolicyName | 'application' | 'simulation';
  /** Its name; that of its class where it is the application's. */
  policyName: string;
  /** How many coroutines are ready, all of them. */
  ready: number;
  /** The first of them, in the order in which they would run if no other became ready. */
  next: ReadyCoroutine[];
  /** What groups have had under `'bvt'`, those first that have had most. */
  groups: BvtGroupState[];
  /** Coroutines with `importance: 'low'`, the suspended ones first. */
  lowImportance: LowImportance[];
}

const KNOWN = new Set(['limit']);
const DEFAULT_LIMIT = 20;
const MOST = 1_000;
/** The library's own, which are not shown, are few: so many are read besides. */
const BESIDES = 8;
/** Numbers for each coroutine in `native.readyNow`: slot, kind, for how long it has been ready, why, and six that belong to that. */
const FIELDS = 10;
const FIRST_NUMBER = 4;

/** Why it has its place, as native/sched/upcoming.h numbers it. */
const enum Why {
  firstIn, level, patience, virtualTime, told, file, toldTooLittle, kind, all, usedMore, nothingKnown, chosen, notTold, held,
}

type About = Omit<ReadyCoroutine, 'coroutine' | 'readyFor' | 'after'>;

/** `0.25ms`, `12ms`, `3.4s`: two digits at least. */
function short(ms: number): string {
  return ms >= 1_000 ? `${(ms / 1_000).toFixed(1)}s` : `${ms >= 10 ? ms.toFixed(0) : String(Number(ms.toPrecision(2)))}ms`;
}

/** What a level of the policies `'connections'` and `'accept'` is for; of the level of `'priority'`, its name. */
function levelReason(policy: RunQueue['policy'], level: number): About {
  if (policy === 'priority') return { reason: `its priority is ${PRIORITIES[level]!}`, priority: PRIORITIES[level]! };
  const accepts = (policy === 'accept') === (level === 0);
  if (!accepts) return { reason: `it serves${level === 0 ? ', which goes before accepting' : ', which goes behind accepting'}` };
  return { reason: `it accepts connections, which goes ${level === 0 ? 'before all else' : 'behind all else'}` };
}

function virtualTimeReason([share, isGroup, virtualTime, weight, warp, before]: readonly number[]): About {
  const group = isGroup === 1 ? groupName(share!) : undefined;
  const parts = [`virtual time ${short(virtualTime!)}`, `weight ${String(weight)}`];
  if (warp! > 0) parts.push(`warped ahead by ${short(warp!)}`);
  if (before! > 0) parts.push(`${String(before)} of the same share before it`);
  const whose = group === undefined ? 'its own share' : `group ${group.replace(/^group /, '')}`;
  const reason = `${whose}: ${parts.join(', ')}`;
  return { reason, virtualTime: virtualTime!, weight: weight!, warp: warp!, ...(group !== undefined && { group }) };
}

const SOURCES: Partial<Record<Why, readonly [NonNullable<ReadyCoroutine['remainingFrom']>, string]>> = {
  [Why.told]: ['expectWork', 'as expectWork told'],
  [Why.file]: ['file', 'by the bytes left of the file that it sends'],
  [Why.toldTooLittle]: ['what it has used', 'as it took longer than was told'],
  [Why.kind]: ['its kind', 'by what others of its kind took'],
  [Why.all]: ['all kinds', 'by what others took, none of them of its kind'],
  [Why.usedMore]: ['what it has used', 'as it has had more than others took'],
  [Why.nothingKnown]: ['nothing', 'as no job has ended yet'],
};

function aboutWhy(why: Why, numbers: readonly number[], policy: Pick<RunQueue, 'policy' | 'policyName'>, readyFor: number): About {
  const [first] = numbers as [number];
  const source = SOURCES[why];
  if (source) {
    const [, used, waited] = numbers as [number, number, number];
    const known = `${short(first)} of work are left, ${source[1]}; it has had ${short(used)} and waited ${short(waited)}`;
    const reason = why === Why.nothingKnown ? `nothing is known of its work, ${source[1]}` : known;
    return { reason, remaining: first, remainingFrom: source[0] };
  }
  switch (why) {
    case Why.level: return levelReason(policy.policy, first);
    case Why.patience:
      return { ...levelReason(policy.policy, first), reason: 'every 64th turn is for the last in line, so that none starves' };
    case Why.virtualTime: return virtualTimeReason(numbers);
    case Why.chosen: return { reason: `${policy.policyName} has chosen it` };
    case Why.notTold: return { reason: `${policy.policyName} has yet to be told that it is ready` };
    case Why.held: return { reason: `held by ${policy.policyName}, which decides when it runs` };
    default: return { reason: readyFor < 1 ? 'has just become ready' : `has been ready for ${short(Math.round(readyFor))}` };
  }
}

function deciding(): Pick<RunQueue, 'policy' | 'policyName'> {
  if (simulating.on) return { policy: 'simulation', policyName: 'simulation' };
  const policy = policyInForce ?? 'fifo';
  if (typeof policy === 'string') return { policy, policyName: policy };
  const name = (policy.constructor as { name?: unknown } | undefined)?.name;
  return { policy: 'application', policyName: typeof name === 'string' && name !== '' && name !== 'Object' ? name : `the application's policy` };
}

/**
 * Which coroutines of this thread run next, in which order, and why; what groups have had of the time; what keeps coroutines of low
 * importance away. The inspector shows the same. Where it is taken, it changes nothing, and its cost depends on the limit, not on the
 * number of coroutines: some microseconds.
 *
 * The order is that of this moment: what becomes ready in between may go first. Under `'bvt'` it also depends on how long turns take,
 * and is shown as if each took 0.1 ms, without `bvtAllowance`. What an application's policy holds, it runs as it decides: 10,000
 * coroutines are looked at for those. In 1,000 groups those are looked for that have had most.
 *
 * @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_UNKNOWN_OPTION`, `ERR_INVALID_ARG_TYPE`)
 *
 * @example
 * ```ts
 * import { configure, runQueue, spawn, yieldNow } from 'stackful';
 *
 * configure({ schedulingPolicy: 'priority' });
 * await spawn(() => {
 *   const jobs = [spawn(yieldNow, { name: 'report', priority: 'low' }), spawn(yieldNow, { name: 'answer', priority: 'high' })];
 *   const { policy, ready, next } = runQueue();
 *   console.log(policy, ready); // priority 2
 *   console.log(next.map(({ coroutine }) => coroutine.name).join()); // answer,report
 *   console.log(next[0]?.reason); // its priority is high
 *   for (const job of jobs) job.join();
 * });
 * configure({ schedulingPolicy: 'fifo' });
 * ```
 */
export function runQueue(options: RunQueueOptions = {}): RunQueue {
  knownOptions('runQueue', options, KNOWN);
  const limit = integerIn('options.limit', options.limit ?? DEFAULT_LIMIT, 0, MOST);
  const policy = deciding();
  const numbers = native.readyNow(limit + BESIDES);
  const next: ReadyCoroutine[] = [];
  for (let i = 1; i < numbers.length && next.length < limit; i += FIELDS) {
    const [slot, kind, readyFor, why] = numbers.subarray(i, i + FIRST_NUMBER) as unknown as [number, number, number, Why];
    const coroutine = coroutineAt(slot);
    if (!coroutine || isObserver(coroutine)) continue;
    const about = aboutWhy(why, [...numbers.subarray(i + FIRST_NUMBER, i + FIELDS)], policy, readyFor);
    next.push({ coroutine, readyFor, after: reasonName(kind), ...about });
  }
  return { ...policy, ready: numbers[0]!, next, groups: groupsNow(limit), lowImportance: lowImportanceNow(limit) };
}
