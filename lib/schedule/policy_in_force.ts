import { oneOf } from '../internal/arguments.js';
import { native } from '../internal/native.js';
import type { PolicyName, Priority, SchedulingPolicy } from './policy.js';

// The part of scheduling policies that `spawn` needs. ./policy.ts, for the application's own, needs `spawn`.

/** The index is the number in native/sched/policy.h. */
export const POLICIES: readonly PolicyName[] = ['fifo', 'priority', 'connections', 'accept', 'bvt', 'srpt'];

/** The index is the level in native/sched/policy.cc. */
export const PRIORITIES: readonly Priority[] = ['highest', 'high', 'normal', 'low', 'lowest'];

/** The same number as in native/sched/coroutine.h. */
export const NORMAL_PRIORITY = 2;

/** The policy in force; undefined until one is set. */
export let policyInForce: PolicyName | SchedulingPolicy | undefined;

/** Replaces the policy in force. One of the application's own takes effect when its coroutine becomes the chooser. */
export function putInForce(policy: PolicyName | SchedulingPolicy): void {
  policyInForce = policy;
  if (typeof policy === 'string') native.setPolicy(POLICIES.indexOf(policy), policy === 'srpt' ? patience : allowance);
  namesJobs = policy === 'srpt';
}

/** Whether `'srpt'` is in force, which is told what each job is like: of a new coroutine, by native.nameSpawned, which function it runs. */
export let namesJobs = false;

/** The numbers below 2 that native/sched/shortest_remaining.h has for jobs. */
let lastKind = 1;
const kinds = new WeakMap<object, number>();

/** Tells `'srpt'` that what the running coroutine does is like all that is done with `like`, such as a route. */
export function nameJob(like: object): void {
  let kind = kinds.get(like);
  if (kind === undefined) kinds.set(like, (kind = ++lastKind));
  native.nameJob(kind);
}

/** Of `'srpt'`, in milliseconds. */
let patience = 5_000;

/** See `srptPatience` of `configure`. */
export function setPatience(ms: number): void {
  patience = ms;
  if (policyInForce === 'srpt') putInForce('srpt');
}

/** Of `'bvt'`, in milliseconds. */
let allowance = 0;

/** See `bvtAllowance` of `configure`. */
export function setAllowance(ms: number): void {
  allowance = ms;
  if (policyInForce === 'bvt') putInForce('bvt');
}

/** Puts `'bvt'` in force if no policy was set. */
export function needVirtualTime(): void {
  if (policyInForce === undefined) putInForce('bvt');
}

/** The level of a priority. If no policy was set, this puts `'priority'` in force. */
export function priorityLevel(name: string, priority: Priority): number {
  const level = PRIORITIES.indexOf(oneOf(name, priority, PRIORITIES));
  if (policyInForce === undefined) putInForce('priority');
  return level;
}
