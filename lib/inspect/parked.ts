import type { Coroutine } from '../coroutine/coroutine.js';
import { coroutineAt } from '../internal/current.js';
import { native } from '../internal/native.js';
import { isObserver } from '../observe/deadlock.js';
import type { BlockingMap, Point, Presence } from './points.js';

/** The most stacks that a look reads, at 10 to 30 µs each. */
const MOST_STACKS = 200;
/** Of each kind so many are read first, so that none is missing. */
const LEAST_OF_A_KIND = 10;
/** What `parkedFor` may be wrong by, in milliseconds, and more. */
const INEXACT_MS = 20;
/** Numbers for each coroutine in `native.parkedNow`. */
const FIELDS = 4;

interface Parked {
  coroutine: Coroutine;
  age: number;
  depth: number;
}

interface Known {
  /** When it was seen there. */
  at: number;
  stack: string;
  point: Point | undefined;
}

/** Where the parked coroutines are. Those that have not moved since the last look cost nothing; of many others some are read. */
export class ParkedCoroutines {
  private known = new Map<Coroutine, Known>();
  /** What the last look has read: point, stack, and how many coroutines it stands for. */
  stacks: { point: Point; stack: string; weight: number }[] = [];

  constructor(private readonly map: BlockingMap) {}

  look(deadlocked: ReadonlySet<Coroutine>, now = native.monotonicNow()): Map<Point, Presence> {
    const present = new Map<Point, Presence>();
    const before = this.known;
    this.known = new Map();
    this.stacks = [];
    const kinds = byKind();
    const stays = ({ coroutine, age }: Parked) => now - age < (before.get(coroutine)?.at ?? 0) - INEXACT_MS;
    const moved = new Map([...kinds].map(([kind, all]) => [kind, all.filter((parked) => !stays(parked))]));
    const total = [...moved.values()].reduce((sum, { length }) => sum + length, 0);
    for (const [kind, all] of kinds) {
      const unread = moved.get(kind)!;
      const read = new Set(chosen(unread, Math.max(LEAST_OF_A_KIND, Math.floor((MOST_STACKS * unread.length) / total))));
      const share = all.length / (all.length - unread.length + read.size);
      for (const parked of all) {
        const { coroutine } = parked;
        const known = stays(parked) ? before.get(coroutine)! : read.has(parked) ? this.read(kind, coroutine, now) : undefined;
        if (!known) continue;
        this.known.set(coroutine, known);
        const { point, stack } = known;
        if (!point) continue;
        note(present, point, parked, share, deadlocked.has(coroutine));
        this.stacks.push({ point, stack, weight: share });
      }
    }
    for (const presence of present.values()) presence.parked = Math.round(presence.parked);
    return present;
  }

  private read(kind: number, coroutine: Coroutine, at: number): Known {
    const stack = coroutine.stack();
    return { at, stack, point: this.map.pointOf(native.parkKindName(kind), stack) };
  }

  /** Coroutines that the last look has found at these points, `most` of them, with their stacks then. */
  at(points: ReadonlySet<Point>, most: number): { coroutine: Coroutine; stack: string }[] {
    const found: { coroutine: Coroutine; stack: string }[] = [];
    for (const [coroutine, { point, stack }] of this.known) {
      if (found.length === most) break;
      if (point && points.has(point)) found.push({ coroutine, stack });
    }
    return found;
  }
}

function byKind(): Map<number, Parked[]> {
  const numbers = native.parkedNow();
  const kinds = new Map<number, Parked[]>();
  for (let i = 0; i < numbers.length; i += FIELDS) {
    const coroutine = coroutineAt(numbers[i]!);
    if (!coroutine || isObserver(coroutine)) continue;
    const parked = { coroutine, age: numbers[i + 2]!, depth: numbers[i + 3]! };
    const others = kinds.get(numbers[i + 1]!);
    if (others) others.push(parked);
    else kinds.set(numbers[i + 1]!, [parked]);
  }
  return kinds;
}

/** `count` of them, each equally likely. */
function chosen<T>(from: T[], count: number): T[] {
  if (from.length <= count) return from;
  const all = [...from];
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(Math.random() * (all.length - i));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all.slice(0, count);
}

function note(present: Map<Point, Presence>, point: Point, { age, depth }: Parked, weight: number, deadlocked: boolean): void {
  let presence = present.get(point);
  if (!presence) present.set(point, (presence = { parked: 0, oldest: 0, depth: 0, deadlocked: 0 }));
  presence.parked += weight;
  presence.oldest = Math.max(presence.oldest, age);
  presence.depth = Math.max(presence.depth, depth);
  if (deadlocked) presence.deadlocked++;
}
