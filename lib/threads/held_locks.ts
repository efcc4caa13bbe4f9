import type { Coroutine } from '../coroutine/coroutine.js';
import { current } from '../internal/current.js';
import { threadOf } from './thread.js';

/** A lock whose next holders are to learn that this one has ended without unlocking it. */
export interface Abandonable {
  /** Whether threads of other workers may want it. */
  readonly shared: boolean;
  /** Does nothing if `holder` does not hold it: over workers, a thread can unlock through another object of the same lock. */
  abandon(holder: Coroutine): void;
}

/** What a coroutine holds; an array, because locks are mostly unlocked in the opposite order. */
interface Held {
  readonly locks: Abandonable[];
  /** Whether it is a thread that `create` made, whose end is told here: until then it keeps this object. */
  readonly endIsTold: boolean;
}

const held = new Map<Coroutine, Held>();
/** What a worker that ends at once, by `process.exit` or an uncaught error, must still do for threads elsewhere. */
const lastDuties = new Set<() => void>();

export function noteLocked(lock: Abandonable): void {
  const holder = current()!;
  const known = held.get(holder);
  if (known) known.locks.push(lock);
  else held.set(holder, { locks: [lock], endIsTold: threadOf(holder)?.mayExit === true });
}

export function noteUnlocked(lock: Abandonable): void {
  const holder = current()!;
  const known = held.get(holder);
  if (!known) return;
  const { locks, endIsTold } = known;
  const place = locks.lastIndexOf(lock);
  if (place === locks.length - 1) locks.pop();
  else if (place >= 0) locks.splice(place, 1);
  if (locks.length === 0 && !endIsTold) held.delete(holder);
}

/** Called in `holder` at its end. */
export function abandonLocksOf(holder: Coroutine): void {
  const known = held.get(holder);
  if (!known) return;
  held.delete(holder);
  for (const lock of known.locks) lock.abandon(holder);
}

/** Runs `fn`; if the worker ends meanwhile, `duty` is done. */
export function withLastDuty(duty: () => void, fn: () => void): void {
  lastDuties.add(duty);
  try {
    fn();
  } finally {
    lastDuties.delete(duty);
  }
}

/** Called when this worker ends. */
export function doLastDuties(): void {
  for (const duty of lastDuties) duty();
  for (const [holder, { locks }] of held) {
    for (const lock of locks) if (lock.shared) lock.abandon(holder);
  }
}
