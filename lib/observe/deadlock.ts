import { channel } from 'node:diagnostics_channel';

import type { Coroutine } from '../coroutine/coroutine.js';
import { verdicts } from '../internal/codes.js';
import { coroutines } from '../internal/current.js';
import { nameOf } from '../internal/names.js';
import { native, owns } from '../internal/native.js';
import { DEADLOCKED } from '../internal/results.js';
import { describeWaitable, holdersOf, MOST_NAMED, type Waitable } from '../internal/waiting.js';
import { DeadlockError } from './errors.js';

/**
 * What happens when coroutines wait for each other:
 *
 * - `'throw'`: the call that would close a cycle of locks throws `DeadlockError`. A deadlock that only shows when nothing in
 *   the process can wake a coroutine is thrown by the call in which the youngest of its coroutines is parked.
 * - `'report'`: a line on stderr
 * - `'off'`: nothing
 *
 * `'throw'` and `'report'` also publish on the diagnostics channel `stackful.deadlock`, and in both a `join` that would close
 * a cycle of joins throws at once.
 */
export type DeadlockMode = 'throw' | 'report' | 'off';

/** A message on the diagnostics channel `stackful.deadlock`. */
export interface Deadlock {
  /** Which coroutine waits for which, as text. */
  message: string;
  /** The coroutines involved. In a cycle, each waits for the next and the last for the first. */
  coroutines: readonly Coroutine[];
  /** True for a cycle; false when no coroutine is left that could wake them. */
  cycle: boolean;
}

const deadlocks = channel('stackful.deadlock');
/** Longer chains are not followed at a call; {@link findDeadlocks} finds them at the loop's end. */
const LONGEST_CHAIN = 1_000;

let mode: DeadlockMode = 'report';
/**
 * The coroutines that a report has named, or that got a DeadlockError. None gets a second: one that catches the error and
 * waits again would keep the loop going for ever.
 */
const told = new WeakSet<Coroutine>();
/** The library's own coroutines (policies, the inspector): their waits say nothing about the program. */
const observers = new WeakSet<Coroutine>();

/** See `configure`. Returns the mode before. @internal */
export function setDeadlockMode(to: DeadlockMode): DeadlockMode {
  const before = mode;
  mode = to;
  return before;
}

/** @internal */
export function markObserver(coroutine: Coroutine): void {
  observers.add(coroutine);
}

/** @internal */
export function isObserver(coroutine: Coroutine): boolean {
  return observers.has(coroutine);
}

function describe(members: readonly Coroutine[]): string {
  const lines = members
    .slice(0, MOST_NAMED)
    .map((c) => `${nameOf(c)} waits for ${c.waitsFor ? describeWaitable(c.waitsFor) : 'nothing'}`);
  if (members.length > MOST_NAMED) lines.push(`${String(members.length - MOST_NAMED)} more`);
  return lines.join('; ');
}

/** What `c` waits for; undefined if it has been woken, or a time limit or a signal may end the wait. */
function waitOf(c: Coroutine): Waitable | undefined {
  return c.waitsFor !== undefined && c.limits === 0 && c.state === 'parked' ? c.waitsFor : undefined;
}

/**
 * Called right before `self`, the running coroutine, parks for `object`. It sets `waitsFor`, which reports show; the caller
 * makes that undefined again after the wait.
 *
 * @returns 0; or, when the holder of `object` waits, directly or not, for `self`, a code for which `fail` throws
 *   DeadlockError. A wait that a time limit or a signal may end is no deadlock.
 * @internal
 */
export function mayWaitFor(self: Coroutine, object: Waitable): number {
  const holders = object.heldBy?.();
  if (holders !== undefined && !Array.isArray(holders)) {
    const holder = holders as Coroutine;
    const bound = holder === self || (holder.waitsFor !== undefined && self.limits === 0);
    if (bound && closesCycle(self, object, holder)) return DEADLOCKED;
  }
  self.waitsFor = object;
  return 0;
}

/** Whether parking for `object`, which `holder` holds, closes a cycle for which the call of `self` must throw. */
function closesCycle(self: Coroutine, object: Waitable, holder: Coroutine): boolean {
  if (mode === 'off' && holder !== self) return false;
  const members = [self];
  let joins = (holder as unknown) === object;
  for (let at = holder; at !== self; ) {
    const next = members.length < LONGEST_CHAIN ? waitOf(at) : undefined;
    const holders = next && holdersOf(next);
    if (holders?.length !== 1) return false;
    members.push(at);
    joins &&= (holders[0] as unknown) === next;
    at = holders[0]!;
  }
  self.waitsFor = object;
  const message = describe(members);
  self.waitsFor = undefined;
  const throws = mode === 'throw' || joins;
  if (throws) verdicts.set(self, new DeadlockError(message, members));
  announce({ message, coroutines: members, cycle: true }, throws);
  return throws;
}

function announce(deadlock: Deadlock, thrown: boolean): void {
  if (!thrown) for (const c of deadlock.coroutines) told.add(c);
  try {
    if (!thrown) console.error(`stackful: deadlock: ${deadlock.message}`);
    if (deadlocks.hasSubscribers) deadlocks.publish(deadlock);
  } catch {
    // A failing stderr or subscriber must not hide the deadlock.
  }
}

/**
 * The coroutines that nothing can ever wake: each waits for an object that only others of them could release, or whose holder
 * is done. There is one group for each cycle, and one for all others.
 *
 * The result holds only while no callback can run on the main stack: at the end of the loop. A coroutine that waits for
 * anything but other coroutines counts as able to go on. A coroutine that any other could wake and that none waits for (no
 * join, no await, nothing held) is no deadlock, but a service whose clients are gone.
 *
 * @internal
 */
export function findDeadlocks(): Deadlock[] {
  const live = coroutines().filter((c) => !observers.has(c));
  const stuck = new Map<Coroutine, readonly Coroutine[] | undefined>();
  const free: Coroutine[] = [];
  for (const c of live) {
    const object = waitOf(c);
    if (object) stuck.set(c, holdersOf(object));
    else free.push(c);
  }
  if (stuck.size === 0) return [];

  // A coroutine that waits only for holders that can go on can go on, too, and so on.
  const behind = new Map<Coroutine, Coroutine[]>();
  const missing = new Map<Coroutine, number>();
  for (const [c, holders] of stuck) {
    if (!holders) continue;
    const needed = new Set(holders.filter((holder) => !observers.has(holder)));
    for (const holder of needed) {
      if (behind.has(holder)) behind.get(holder)!.push(c);
      else behind.set(holder, [c]);
    }
    missing.set(c, needed.size);
    // An object without a holder: its waiter is about to be woken, or `heldBy` is incomplete.
    if (needed.size === 0) free.push(c);
  }
  const withoutHolder = [...stuck].filter(([, holders]) => holders === undefined).map(([c]) => c);
  let opened = false;
  for (let c = free.pop(); c; c = free.pop()) {
    stuck.delete(c);
    for (const waiter of behind.get(c) ?? []) {
      const left = missing.get(waiter)! - 1;
      missing.set(waiter, left);
      if (left === 0) free.push(waiter);
    }
    if (!opened) free.push(...withoutHolder);
    opened = true;
  }
  return groups(stuck, behind);
}

function groups(stuck: Map<Coroutine, readonly Coroutine[] | undefined>, behind: Map<Coroutine, Coroutine[]>): Deadlock[] {
  const found: Deadlock[] = [];
  const seen = new Map<Coroutine, number>();
  const open: Coroutine[] = [];
  let walk = 0;
  for (const start of stuck.keys()) {
    const path: Coroutine[] = [];
    walk++;
    let at: Coroutine | undefined = start;
    while (at && !seen.has(at)) {
      seen.set(at, walk);
      path.push(at);
      const holders: readonly Coroutine[] | undefined = stuck.get(at);
      const next: Coroutine | undefined = holders?.find((holder) => stuck.has(holder));
      // The end of a path: the holder is done, or any coroutine could wake it, but none is left.
      if (!next && (holders || at.awaited || behind.has(at))) open.push(at);
      at = next;
    }
    if (at && seen.get(at) === walk) {
      const members = path.slice(path.indexOf(at));
      found.push({ message: describe(members), coroutines: members, cycle: true });
    }
  }
  if (open.length > 0) {
    found.push({ message: `${describe(open)}; no coroutine is left to wake them`, coroutines: open, cycle: false });
  }
  return found;
}

/** The number of switches when a first check found a deadlock. */
let suspected = -1;

function atLoopEnd(): void {
  if (mode === 'off') return;
  const { live, switches: progress = 0 } = native.stats();
  if (live === 0) return;
  const found = findDeadlocks().filter(({ coroutines }) => coroutines.some((c) => !told.has(c)));
  if (found.length === 0) return;
  if (progress !== suspected) {
    // Other listeners of 'beforeExit' may still wake a coroutine: check again after one turn of the loop.
    suspected = progress;
    setImmediate(() => undefined);
    return;
  }
  for (const deadlock of found) {
    announce(deadlock, mode === 'throw');
    if (mode !== 'throw') continue;
    const youngest = deadlock.coroutines.filter((c) => !told.has(c)).reduce((a, b) => (a.id > b.id ? a : b));
    told.add(youngest);
    verdicts.set(youngest, new DeadlockError(deadlock.message, deadlock.coroutines));
    youngest.wake(DEADLOCKED);
  }
}

if (owns) process.on('beforeExit', atLoopEnd);
