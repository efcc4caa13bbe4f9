import { framesOf, isInspector, isLibrary, isProgram, libraryFile, nameOfFrame, placeOf, type Frame } from './frames.js';
import type { BlockingPath, BlockingPoint } from './wire.js';

/** How much of an average is the newest tick: the averages are those of about the last five. */
const NEWEST = 0.2;
/** A point where no coroutine has been for so many ticks is forgotten. */
const FORGOTTEN_AFTER = 60;
/** More call paths to one place are shown as one point. */
const MOST_CALLERS = 4;
const MOST_POINTS = 2_000;
/** Stacks whose places are remembered: to find them takes 15 µs, and most stacks are seen again every second. */
const MOST_KNOWN = 2_000;

/** A pair of consecutive parks of one coroutine, each standing for `weight` of them. */
export interface ParkSample {
  from: Point;
  to: Point;
  waited: number;
  ran: number;
  depth: number;
  weight: number;
}

/** The coroutines that are parked at a point now. */
export interface Presence {
  parked: number;
  oldest: number;
  depth: number;
  deadlocked: number;
}

/** An average that follows what each tick adds. */
class Recent {
  value = 0;
  private added = 0;
  private ticks = 0;

  add(amount: number): void {
    this.added += amount;
  }

  endTick(seconds: number): void {
    // The first ticks weigh as much as each other.
    const share = Math.max(NEWEST, 1 / ++this.ticks);
    this.value += share * (this.added / seconds - this.value);
    this.added = 0;
  }
}

export class Point {
  readonly parks = new Recent();
  readonly waits = new Recent();
  presence: Presence = { parked: 0, oldest: 0, depth: 0, deadlocked: 0 };
  depth = 0;
  idleTicks = 0;
  /** One that has led here. */
  stack = '';

  constructor(
    readonly id: number,
    readonly kind: string,
    readonly name: string,
    readonly place: string,
    /** The same for all points whose innermost call is in the same line. */
    readonly group: string,
    readonly via: string,
  ) {}
}

/** What a point is told apart by, and shown as. */
type Place = readonly [key: string, kind: string, name: string, place: string, group: string, via: string];

class Path {
  readonly runs = new Recent();
  readonly ran = new Recent();
  readonly waited = new Recent();

  constructor(
    readonly from: Point,
    readonly to: Point,
  ) {}
}

/** What the library waits for where no code of the program does, by its file. */
const OWN_WAITS: Readonly<Record<string, string>> = {
  'http/connection': 'next request',
  'http/server': 'next connection',
};

/**
 * The blocking graph of a program: its nodes are places where coroutines park, told apart by the path of calls that leads
 * there, and its edges the code that a coroutine runs from one to the next. (R. von Behren, J. Condit, E. Brewer: Why Events
 * Are A Bad Idea, HotOS 2003, section 4.)
 */
export class BlockingMap {
  private readonly points = new Map<string, Point>();
  private readonly paths = new Map<string, Path>();
  private readonly known = new Map<string, Place | undefined>();
  private lastId = 0;
  /** Where coroutines begin and end. */
  readonly start = this.made('start', '', 'start', '', '', '');
  readonly end = this.made('end', '', 'end', '', '', '');

  /** The point of a coroutine that is parked on `kind`; undefined for the inspector's own coroutines. */
  pointOf(kind: string, stack: string): Point | undefined {
    const text = `${kind}|${stack}`;
    let place = this.known.get(text);
    if (!place && !this.known.has(text)) {
      const frames = framesOf(stack);
      place = isInspector(frames) ? undefined : placeAmong(kind, frames);
      if (this.known.size >= MOST_KNOWN) this.known.clear();
      this.known.set(text, place);
    }
    if (!place) return undefined;
    const point = this.made(...place);
    point.stack = stack;
    return point;
  }

  addSample({ from, to, waited, ran, depth, weight }: ParkSample): void {
    const key = `${String(from.id)}>${String(to.id)}`;
    let path = this.paths.get(key);
    if (!path) this.paths.set(key, (path = new Path(from, to)));
    path.runs.add(weight);
    path.ran.add(ran * weight);
    path.waited.add(waited * weight);
    from.idleTicks = to.idleTicks = 0;
    if (from === this.start) return;
    from.parks.add(weight);
    from.waits.add(waited * weight);
    from.depth = depth;
  }

  /** The points where coroutines are parked now. */
  setPresent(present: ReadonlyMap<Point, Presence>): void {
    for (const point of this.points.values()) {
      const presence = present.get(point);
      point.presence = presence ?? { parked: 0, oldest: 0, depth: 0, deadlocked: 0 };
      if (presence) point.depth = presence.depth;
    }
  }

  /** A tick of so many seconds is over. */
  endTick(seconds: number): void {
    for (const [key, point] of this.points) {
      const { parked } = point.presence;
      point.parks.endTick(seconds);
      point.waits.endTick(seconds);
      point.idleTicks = parked > 0 ? 0 : point.idleTicks + 1;
      const surplus = this.points.size > MOST_POINTS && parked === 0;
      if ((point.idleTicks > FORGOTTEN_AFTER || surplus) && point !== this.start && point !== this.end) this.points.delete(key);
    }
    const kept = new Set(this.points.values());
    for (const [key, path] of this.paths) {
      for (const average of [path.runs, path.ran, path.waited]) average.endTick(seconds);
      if (!kept.has(path.from) || !kept.has(path.to)) this.paths.delete(key);
    }
  }

  /** Points that call from too many places are shown as one. Points and paths where nothing happens are left out. */
  view(): { points: BlockingPoint[]; paths: BlockingPath[] } {
    const active = [...this.paths.values()].filter(({ runs }) => runs.value > 1e-3);
    const used = new Set(active.flatMap(({ from, to }) => [from, to]));
    const shown = [...this.points.values()].filter((point) => point.presence.parked > 0 || used.has(point));
    const representative = this.representatives(shown);
    return { points: merged(shown, representative), paths: mergedPaths(active, representative) };
  }

  /** The ids of the points that `view` shows as the one of this id. */
  sharing(id: number): Set<Point> {
    const representative = this.representatives([...this.points.values()]);
    return new Set([...representative].filter(([, as]) => as.id === id).map(([point]) => point));
  }

  private representatives(points: readonly Point[]): Map<Point, Point> {
    const groups = new Map<string, Point[]>();
    for (const point of points) {
      const members = groups.get(point.group);
      if (members) members.push(point);
      else groups.set(point.group, [point]);
    }
    const representative = new Map<Point, Point>();
    for (const members of groups.values()) {
      const [first] = members as [Point];
      for (const point of members) representative.set(point, members.length > MOST_CALLERS ? first : point);
    }
    return representative;
  }

  private made(key: string, kind: string, name: string, place: string, group: string, via: string): Point {
    let point = this.points.get(key);
    if (!point) this.points.set(key, (point = new Point(this.lastId++, kind || key, name, place, group || key, via)));
    return point;
  }
}

/** The place that a stack shows. */
function placeAmong(kind: string, frames: readonly Frame[]): Place {
  const program = frames.filter(isProgram);
  const [inner, caller] = program;
  if (!inner) {
    const file = frames.find(isLibrary);
    const where = file ? libraryFile(file) : '';
    return [`${kind}|${where}`, kind, OWN_WAITS[where] ?? where, '', `${kind}|${where}`, ''];
  }
  const group = `${kind}|${keyOf(inner)}`;
  const via = caller ? `${nameOfFrame(caller)} ${placeOf(caller)}` : '';
  return [`${kind}|${program.map(keyOf).join('|')}`, kind, nameOfFrame(inner), placeOf(inner), group, via];
}

function keyOf({ name, script, line }: Frame): string {
  return `${name}@${script}:${String(line)}`;
}

function merged(points: readonly Point[], representative: ReadonlyMap<Point, Point>): BlockingPoint[] {
  const shown = new Map<Point, BlockingPoint>();
  const groups = new Map<string, number>();
  for (const point of points) {
    const as = representative.get(point)!;
    if (as === point) groups.set(point.group, (groups.get(point.group) ?? 0) + 1);
    let to = shown.get(as);
    if (!to) {
      const { id, kind, name, place, via } = as;
      shown.set(as, (to = { id, kind, name, place, via, parked: 0, oldest: 0, deadlocked: 0, rate: 0, wait: 0, depth: 0 }));
    }
    const { parked, oldest, deadlocked } = point.presence;
    to.parked += parked;
    to.oldest = Math.max(to.oldest, oldest);
    to.deadlocked += deadlocked;
    to.rate += point.parks.value;
    // A sum until all are added.
    to.wait += point.waits.value;
    to.depth = Math.max(to.depth, point.depth);
  }
  for (const [as, to] of shown) {
    to.wait = to.rate > 0 ? to.wait / to.rate : 0;
    // Where a place has one point the caller says nothing.
    if (groups.get(as.group) === 1) to.via = '';
  }
  return [...shown.values()];
}

function mergedPaths(paths: readonly Path[], representative: ReadonlyMap<Point, Point>): BlockingPath[] {
  const shown = new Map<string, BlockingPath>();
  for (const { from, to, runs, ran, waited } of paths) {
    const ends = [representative.get(from)!.id, representative.get(to)!.id] as const;
    const key = ends.join('>');
    let path = shown.get(key);
    if (!path) shown.set(key, (path = { from: ends[0], to: ends[1], rate: 0, run: 0, wait: 0 }));
    path.rate += runs.value;
    path.run += ran.value;
    path.wait += waited.value;
  }
  for (const path of shown.values()) {
    path.run /= path.rate;
    path.wait /= path.rate;
  }
  return [...shown.values()];
}
