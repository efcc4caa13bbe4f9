import { atomic } from '../coroutine/atomic.js';
import { Coroutine, spawn } from '../coroutine/coroutine.js';
import { shield } from '../coroutine/shield.js';
import { functionOf, invalidValue, oneOf } from '../internal/arguments.js';
import { check } from '../internal/codes.js';
import { coroutineAt } from '../internal/current.js';
import { native } from '../internal/native.js';
import { ECANCELED, NOT_CHOOSABLE } from '../internal/results.js';
import { markObserver } from '../observe/deadlock.js';
import { SchedulingPolicyError } from './errors.js';
import { POLICIES, policyInForce, putInForce } from './policy_in_force.js';

/**
 * Which of several ready coroutines runs next:
 *
 * - `'fifo'`: the one that has been ready longest
 * - `'priority'`: the one with the highest `priority`, an option of `spawn`
 * - `'connections'`: those that serve connections before those that accept them; under load, requests are finished first
 * - `'accept'`: those that accept connections before all others, so that connections do not wait in the backlog
 * - `'bvt'`: borrowed virtual time; the one that has had the least time for its weight, `bvt` of `spawn`
 * - `'srpt'`: shortest remaining time; the one that is nearest to its end, by what is left of the file that it sends, by
 *   `expectWork`, or by what others from the same place took
 *
 * `'priority'`, `'connections'` and `'accept'` run equals in the order of `'fifo'`, and give every 64th turn to the last in line,
 * so that no coroutine starves; under `'srpt'` none does because what waits comes nearer to its turn. The two for servers come
 * from "Why Events Are A Bad Idea" (von Behren, Condit, Brewer, 2003), `'bvt'` from
 * "Borrowed-Virtual-Time (BVT) scheduling" (Duda, Cheriton, SOSP 1999), `'srpt'` from "Size-based scheduling to improve web
 * performance" (Harchol-Balter, Schroeder, Bansal, Agrawal, TOCS 2003).
 */
export type PolicyName = 'fifo' | 'priority' | 'connections' | 'accept' | 'bvt' | 'srpt';

/**
 * A policy of the application's own, for `configure({ schedulingPolicy })`. Both methods run in an atomic section: they may
 * do anything but park. Each turn costs two method calls and a switch, about four times the cost of a built-in policy; in
 * return the policy can use the application's knowledge, such as how much is left of a download (see
 * examples/shortest_first.mjs).
 *
 * If a method throws, or `next` returns anything but a coroutine that the policy holds, the thread goes back to `'fifo'`, and
 * the thrown error or a SchedulingPolicyError (`ERR_SCHEDULING_POLICY`) is an unhandled rejection. No coroutine is lost.
 */
export interface SchedulingPolicy {
  /**
   * `coroutine` has become ready; the policy holds it until `next` returns it.
   *
   * @param after what it was parked on last, without details: `'socket.accept'`, `'sleep'`, `'yield'`, ...; `'start'` before
   *   its first turn
   */
  ready(coroutine: Coroutine, after: string): void;
  /** Returns the coroutine to run next. Called only while the policy holds one. */
  next(): Coroutine;
}

/** Names instead of numbers show the middle, and which end comes first. */
export type Priority = 'highest' | 'high' | 'normal' | 'low' | 'lowest';

/** How many coroutines one `takeReady` returns at most. */
const BATCH = 64;

/** Checks a policy, and returns a function that puts it in force. See `configure`. @internal */
export function schedulingPolicy(name: string, policy: PolicyName | SchedulingPolicy): () => void {
  if (typeof policy === 'string') {
    oneOf(name, policy, POLICIES);
    return () => { putInForce(policy); };
  }
  if (typeof policy !== 'object' || policy === null) {
    throw invalidValue(name, `an object, or one of ${POLICIES.join(', ')}`, policy);
  }
  const methods = policy as unknown as Record<string, unknown>;
  for (const method of ['ready', 'next']) functionOf(`${name}.${method}`, methods[method]);
  return () => {
    putInForce(policy);
    markObserver(spawn(() => { shield(() => { choose(policy); }); }, { name: 'scheduling policy' }));
  };
}

/** The body of the coroutine that chooses. */
function choose(policy: SchedulingPolicy): void {
  if (policyInForce !== policy) return;
  check(native.becomeChooser(), 'schedulingPolicy');
  const batch = new Int32Array(2 * BATCH);
  let held = 0;
  const decide = (): Coroutine | undefined => {
    let count: number;
    do {
      count = native.takeReady(batch);
      held += count;
      for (let i = 0; i < count; i++) policy.ready(coroutineAt(batch[2 * i]!)!, reasonName(batch[2 * i + 1]!));
    } while (count === BATCH);
    if (held === 0) return undefined;
    held--;
    return policy.next();
  };
  try {
    for (;;) {
      const next = atomic(decide);
      const live = next instanceof Coroutine && coroutineAt(next.slot) === next;
      const code = native.chooseNext(live ? next.slot : -1);
      // Another policy was put in force.
      if (code === ECANCELED) return;
      if (code === NOT_CHOOSABLE) throw new SchedulingPolicyError(next);
      check(code, 'schedulingPolicy');
    }
  } finally {
    if (policyInForce === policy) putInForce('fifo');
  }
}

const reasonNames: string[] = [];

/** What a coroutine was parked on, by the kind; `'start'` before its first turn. @internal */
export function reasonName(kind: number): string {
  return (reasonNames[kind] ??= native.parkKindName(kind) || 'start');
}
