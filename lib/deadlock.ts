import { channel } from 'node:diagnostics_channel';

import { coroutines, type Coroutine } from './coroutine.js';
import { DeadlockError } from './errors.js';
import { DEADLOCKED } from './internal/codes.js';
import { native } from './internal/native.js';
import type { Waitable } from './internal/waiting.js';

/**
 * What happens when coroutines wait for each other:
 *
 * - `'throw'`: `DeadlockError` is thrown by the call that would close a cycle of locks; where that only shows when nothing
 *   in the process can wake anyone any more, by the call that the youngest of those coroutines is parked in
 * - `'report'`: a line on stderr
 *
 * Both publish on the diagnostics channel `stackful.deadlock`. A `join` that would close a cycle of joins throws at once
 * in both.
 */
export type DeadlockMode = 'throw' | 'report' | 'off';

/** What the diagnostics channel `stackful.deadlock` carries. */
export interface Deadlock {
  /** Who waits for whom, in words. */
  message: string;
  /** Those involved. In a cycle, each waits for the next and the last for the first. */
  coroutines: readonly Coroutine[];
  /** Whether it is one; otherwise nobody is left who could wake them. */
  cycle: boolean;
}

const deadlocks = channel('stackful.deadlock');
/** Joins and locks nested deeper than this are left to the look at the loop's end. */
const LONGEST_CHAIN = 1_000;
/** How many coroutines a message names. */
const MOST_NAMED = 20;

let mode: DeadlockMode = 'report';
/** What coroutines that were, or are about to be, woken with DEADLOCKED are to throw. */
const verdicts = new WeakMap<Coroutine, DeadlockError>();
/**
 * Whom a report has named, or a DeadlockError has reached. None is told twice: one that catches the error and waits again
 * would keep the loop going for ever.
 */
const told = new WeakSet<Coroutine>();
/** Coroutines of our own that serve whoever looks: what they wait for says nothing about the program. */
const observers = new WeakSet<Coroutine>();

/** See `configure`. Returns what it was. @internal */
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

/** The error for a call of `self` that was ended with DEADLOCKED. @internal */
export function verdictOf(self: Coroutine | undefined): DeadlockError {
  const verdict = self && verdicts.get(self);
  if (!verdict) return new DeadlockError('deadlock', []);
  // The stack that matters is that of the call, not of whoever found out.
  Error.captureStackTrace(verdict, verdictOf);
  return verdict;
}

function nameOf(c: Coroutine): string {
  return c.name ? `#${String(c.id)} ${c.name}` : `#${String(c.id)}`;
}

function holdersOf(object: Waitable): readonly Coroutine[] | undefined {
  const holders = object.heldBy?.();
  return holders === undefined || Array.isArray(holders) ? (holders as Coroutine[] | undefined) : [holders as Coroutine];
}

/** `Mutex #3 held by #7 writer`; a coroutine that is waited for is its own holder. @internal */
export function describeWaitable(object: Waitable): string {
  const holders = holdersOf(object);
  if (!holders) return object.label;
  if (holders.length === 0) return `${object.label} held by nobody`;
  if ((holders[0] as unknown) === object) return object.label;
  const named = holders.slice(0, MOST_NAMED).map((c) => (c.state === 'done' ? `${nameOf(c)}, which is done` : nameOf(c)));
  return `${object.label} held by ${named.join(' and ')}${holders.length > MOST_NAMED ? ' …' : ''}`;
}

function describe(members: readonly Coroutine[]): string {
  const lines = members
    .slice(0, MOST_NAMED)
    .map((c) => `${nameOf(c)} waits for ${c.waitsFor ? describeWaitable(c.waitsFor) : 'nobody'}`);
  if (members.length > MOST_NAMED) lines.push(`${String(members.length - MOST_NAMED)} more`);
  return lines.join('; ');
}

/** What `c` waits for, unless it has been woken already or will be by a time limit or a signal. */
function waitOf(c: Coroutine): Waitable | undefined {
  return c.waitsFor !== undefined && c.limits === 0 && c.state === 'parked' ? c.waitsFor : undefined;
}

/**
 * Whether `self`, parking for `object` that `holder` has, would wait for itself; then its call is to end with DEADLOCKED.
 * @internal
 */
export function closesCycle(self: Coroutine, object: Waitable, holder: Coroutine): boolean {
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
    // Whoever cannot print or listen has no deadlock less.
  }
}

/**
 * The coroutines that nobody can ever wake: each waits for what only others of them could give, or for what a coroutine
 * held that is done. One group for each cycle, and one for those that any coroutine could have woken, were there one.
 *
 * Holds only while no callback can run on the main stack: at the end of the loop. A coroutine that waits for something
 * else than other coroutines counts as one that may go on, whether or not it really will. One that nobody waits for
 * (no join, no await, nothing held) and that anybody could wake is no deadlock but a service whose clients are gone.
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

  // Whoever waits for what free coroutines hold is free as well, and so on.
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
    // Held by nobody: about to be woken, or an object that tells less than it should.
    if (needed.size === 0) free.push(c);
  }
  const anybody = [...stuck].filter(([, holders]) => holders === undefined).map(([c]) => c);
  let opened = false;
  for (let c = free.pop(); c; c = free.pop()) {
    stuck.delete(c);
    for (const waiter of behind.get(c) ?? []) {
      const left = missing.get(waiter)! - 1;
      missing.set(waiter, left);
      if (left === 0) free.push(waiter);
    }
    if (!opened) free.push(...anybody);
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
      // The last of a path: held by who is done, or could be woken by anybody, but nobody is left.
      if (!next && (holders || at.awaited || behind.has(at))) open.push(at);
      at = next;
    }
    if (at && seen.get(at) === walk) {
      const members = path.slice(path.indexOf(at));
      found.push({ message: describe(members), coroutines: members, cycle: true });
    }
  }
  if (open.length > 0) found.push({ message: `${describe(open)}; nobody is left to wake them`, coroutines: open, cycle: false });
  return found;
}

/** The state of affairs that a first look found to be a deadlock: switches so far. */
let suspected = -1;

function atLoopEnd(): void {
  if (mode === 'off') return;
  const { live, switches: progress = 0 } = native.stats();
  if (live === 0) return;
  const found = findDeadlocks().filter(({ coroutines }) => coroutines.some((c) => !told.has(c)));
  if (found.length === 0) return;
  if (progress !== suspected) {
    // Other listeners of 'beforeExit' may still have something to do that wakes somebody: once around the loop.
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

process.on('beforeExit', atLoopEnd);
