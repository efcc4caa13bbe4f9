import type { Coroutine } from '../coroutine/coroutine.js';
import { conflict, merge, type AccessLog, type Accesses } from './accesses.js';
import { ReplayDivergedError } from './errors.js';
import { immediateRaces, type Turn } from './races.js';
import type { Director, Place } from './schedule.js';

/** A place of the tree of schedules where a coroutine is chosen. Coroutines are numbered as they appear in a run. */
interface TurnNode {
  readonly ready: readonly number[];
  chosen: number;
  /** Whom the schedules found so far want to go first here. */
  readonly todo: Set<number>;
  readonly done: Set<number>;
  /** Those whose turn here comes to nothing new, because what they do was tried before in another order that is the same. */
  readonly asleep: Map<number, Accesses>;
  /** What the next turn of each touched that was tried here. */
  readonly touched: Map<number, Accesses>;
}

/** Where the program chooses, in the middle of a turn. */
interface PickNode {
  readonly place: Place;
  readonly limit: number;
  chosen: number;
}

type Node = TurnNode | PickNode;

/**
 * Goes through the tree of schedules depth first, and leaves out those that differ from one it has run only in the order of turns
 * that do not affect each other: dynamic partial-order reduction (Flanagan and Godefroid, POPL 2005) with vector clocks, and
 * sleep sets (Godefroid 1996). A transition is a whole turn; what it touches is known
 * when it is over, so races are looked for in each whole run. Time passes only when nobody is ready, so turns on either side of that
 * never change places.
 */
export class PartialOrder implements Director {
  /** The path to where the run is, or was at its end. */
  private readonly path: Node[] = [];
  private depth = 0;
  private numbers = new Map<Coroutine, number>();
  private turns: (Turn & { node: TurnNode | undefined })[] = [];
  /** The turn that made each coroutine ready. */
  private wakers = new Map<number, number>();
  private epoch = 0;
  private advancedSince = false;
  /** From here on the run repeats, in another order, what was run before. */
  private redundant = false;
  private made = new Map<Place, number>();
  private picks = 0;

  constructor(private readonly log: AccessLog) {}

  /** The choices of the run, as a schedule. */
  get choices(): Map<Place, number> {
    return this.made;
  }

  beginRun(): void {
    this.depth = this.closed = 0;
    this.numbers = new Map();
    this.turns = [];
    this.wakers = new Map();
    this.epoch = 0;
    this.advancedSince = this.redundant = false;
    this.made = new Map();
  }

  choose(turn: number, ready: readonly Coroutine[]): number {
    this.closeTurn();
    this.picks = 0;
    if (turn === 1) this.log.run(ready[0]!);
    const waker = this.advancedSince ? -1 : this.turns.length - 1;
    this.advancedSince = false;
    const numbers = ready.map((c) => this.numberOf(c));
    for (const number of numbers) if (!this.wakers.has(number)) this.wakers.set(number, waker);
    const node = this.nodeFor(numbers);
    const index = node ? numbers.indexOf(node.chosen) : 0;
    const runs = numbers[index]!;
    if (index > 0) this.made.set(String(turn), index);
    this.turns.push({ runs, waker: this.wakers.get(runs)!, epoch: this.epoch, touched: new Map(), node });
    this.wakers.delete(runs);
    this.log.turn(ready[index]!);
    return index;
  }

  pick(turn: number, limit: number): number {
    const place = `${String(turn)}?${String(++this.picks)}`;
    if (limit < 2 || this.redundant) return 0;
    let node = this.path[this.depth];
    if (!node) this.path.push(node = { place, limit, chosen: 0 });
    else if ('ready' in node || node.place !== place || node.limit !== limit) throw new ReplayDivergedError(`at ${place}, in the same schedule`);
    this.depth++;
    if (node.chosen > 0) this.made.set(place, node.chosen);
    return node.chosen;
  }

  advanced(): void {
    this.closeTurn();
    this.epoch++;
    this.advancedSince = true;
  }

  /** After a run: sets the path to the next schedule. False: there is none. */
  next(): boolean {
    this.closeTurn();
    for (const { earlier, initials } of immediateRaces(this.turns)) {
      const { node } = this.turns[earlier]!;
      if (!node) continue;
      const ready = initials.filter((number) => node.ready.includes(number));
      for (const number of ready.length > 0 ? ready : node.ready) node.todo.add(number);
    }
    for (let node = this.path.at(-1); node; this.path.pop(), node = this.path.at(-1)) {
      if (!('ready' in node)) {
        if (++node.chosen < node.limit) return true;
        continue;
      }
      node.done.add(node.chosen);
      const another = node.ready.find((number) => node.todo.has(number) && !node.done.has(number) && !node.asleep.has(number));
      if (another === undefined) continue;
      node.chosen = another;
      return true;
    }
    return false;
  }

  private numberOf(coroutine: Coroutine): number {
    let number = this.numbers.get(coroutine);
    if (number === undefined) this.numbers.set(coroutine, (number = this.numbers.size));
    return number;
  }

  private closed = 0;

  /** What the last turn has touched is known now, promise callbacks included. */
  private closeTurn(): void {
    const turn = this.turns.at(-1);
    if (!turn || this.closed === this.turns.length) return;
    this.closed = this.turns.length;
    merge(turn.touched, this.log.accesses);
    if (!turn.node) return;
    const { touched } = turn.node;
    const known = touched.get(turn.runs);
    if (known) merge(known, turn.touched);
    else touched.set(turn.runs, new Map(turn.touched));
  }

  private nodeFor(numbers: readonly number[]): TurnNode | undefined {
    if (this.redundant) return undefined;
    const known = this.path[this.depth];
    if (known) {
      if (!('ready' in known) || String(known.ready) !== String(numbers)) {
        throw new ReplayDivergedError(`turn ${String(this.turns.length + 1)} of the same schedule has other coroutines to choose from`);
      }
      this.depth++;
      return known;
    }
    const asleep = this.stillAsleep();
    const awake = numbers.find((number) => !asleep.has(number));
    if (awake === undefined) {
      this.redundant = true;
      return undefined;
    }
    const node: TurnNode = { ready: numbers, chosen: awake, todo: new Set([awake]), done: new Set(), asleep, touched: new Map() };
    this.path.push(node);
    this.depth++;
    return node;
  }

  /** Of those that were asleep or done before the last turn, whom it does not affect. */
  private stillAsleep(): Map<number, Accesses> {
    const asleep = new Map<number, Accesses>();
    const last = this.turns.at(-1);
    if (!last?.node || this.advancedSince) return asleep;
    const { node } = last;
    for (const [number, touched] of node.asleep) if (!conflict(touched, last.touched)) asleep.set(number, touched);
    for (const number of node.done) {
      const touched = node.touched.get(number)!;
      if (number !== last.runs && !conflict(touched, last.touched)) asleep.set(number, touched);
    }
    return asleep;
  }
}
