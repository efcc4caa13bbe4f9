import { atomic } from './atomic.js';
import { Coroutine, coroutineAt, spawn } from './coroutine.js';
import { markObserver } from './deadlock.js';
import { SchedulingPolicyError } from './errors.js';
import { functionOf, invalidValue, oneOf } from './internal/arguments.js';
import { check } from './internal/codes.js';
import { native } from './internal/native.js';
import { shield } from './shield.js';

/**
 * Who runs next, of several coroutines that are ready:
 *
 * - `'fifo'`: whoever has been ready longest
 * - `'priority'`: whoever was spawned with the highest `priority`
 * - `'connections'`: those that serve connections before those that accept new ones: under load, what was begun is finished
 * - `'accept'`: those that accept connections before all others: nobody waits in the backlog
 *
 * The last three are fifo among equals, and give every 64th turn to the last in line, so that nobody starves. The two for
 * servers are those of "Why Events Are A Bad Idea" (von Behren, Condit, Brewer, 2003).
 */
export type PolicyName = 'fifo' | 'priority' | 'connections' | 'accept';

const POLICIES: readonly PolicyName[] = ['fifo', 'priority', 'connections', 'accept'];

/**
 * A policy of the application's own, for `configure({ schedulingPolicy })`. Both methods run while nobody else does, in an
 * atomic section: they may do anything but park. Choosing costs two method calls and a switch for every turn, about four
 * times what the built-in policies cost; in return it can know what those do not, such as how much is left of a download
 * (see examples/shortest_first.mjs).
 *
 * If one of them throws, or `next` gives what it should not, the thread goes back to `'fifo'` and the error,
 * SchedulingPolicyError (`ERR_SCHEDULING_POLICY`) or what was thrown, is an unhandled rejection. No coroutine is lost.
 */
export interface SchedulingPolicy {
  /**
   * `coroutine` has become ready; it is the policy's until `next` returns it.
   *
   * @param after what it last was parked on, without details: `'socket.accept'`, `'sleep'`, `'yield'`, ...; `'start'` before
   *   its first turn
   */
  ready(coroutine: Coroutine, after: string): void;
  /** The one to run next. Is called only while there is one, and must return one. */
  next(): Coroutine;
}

/** Of more use than a number: there is a middle, and nobody has to know which end comes first. */
export type Priority = 'highest' | 'high' | 'normal' | 'low' | 'lowest';

/** The index is the level in native/sched/policy.cc. */
const PRIORITIES: readonly Priority[] = ['highest', 'high', 'normal', 'low', 'lowest'];

const ECANCELED = -125;
const NOT_CHOOSABLE = -10007;
/** Coroutines that are asked for at a time. */
const BATCH = 64;

/** What the user has asked for; undefined as long as that is nothing. */
let policyInForce: PolicyName | SchedulingPolicy | undefined;

/** Checks a policy, and returns what puts it in force. See `configure`. @internal */
export function schedulingPolicy(name: string, policy: PolicyName | SchedulingPolicy): () => void {
  if (typeof policy === 'string') {
    oneOf(name, policy, POLICIES);
    return () => {
      policyInForce = policy;
      native.setPolicy(POLICIES.indexOf(policy));
    };
  }
  if (typeof policy !== 'object' || policy === null) {
    throw invalidValue(name, `an object, or one of ${POLICIES.join(', ')}`, policy);
  }
  const methods = policy as unknown as Record<string, unknown>;
  for (const method of ['ready', 'next']) functionOf(`${name}.${method}`, methods[method]);
  return () => {
    policyInForce = policy;
    markObserver(spawn(() => { shield(() => { choose(policy); }); }, { name: 'scheduling policy' }));
  };
}

/** The level of a priority. One that is used before any policy was asked for puts `'priority'` in force. @internal */
export function priorityLevel(name: string, priority: Priority): number {
  const level = PRIORITIES.indexOf(oneOf(name, priority, PRIORITIES));
  if (policyInForce === undefined) schedulingPolicy(name, 'priority')();
  return level;
}

/** The life of the coroutine that decides. */
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
      // Somebody has put another policy in force.
      if (code === ECANCELED) return;
      if (code === NOT_CHOOSABLE) throw new SchedulingPolicyError(next);
      check(code, 'schedulingPolicy');
    }
  } finally {
    if (policyInForce === policy) schedulingPolicy('fifo', 'fifo')();
  }
}

const reasonNames: string[] = [];

function reasonName(kind: number): string {
  return (reasonNames[kind] ??= native.parkKindName(kind) || 'start');
}
