import { spawn, type Coroutine } from '../../coroutine/coroutine.js';
import { current, running } from '../../internal/current.js';
import { ParkKind } from '../../internal/kinds.js';
import { native } from '../../internal/native.js';
import { parkDetails } from '../../internal/park_details.js';
import { ETIMEDOUT } from '../../internal/results.js';
import { markObserver } from '../../observe/deadlock.js';
import { Edge, Held, RESOURCES, type Resource } from './edge.js';
import { Limits } from './limits.js';
import type { Meters } from './meters.js';

const { yieldNow: giveWay } = native;

/** So many edges have a name of their own; those that come later are one. */
const MOST_EDGES = 64;
/** How often it is looked for a change that nothing tells of, in milliseconds. */
const LOOK_AGAIN_MS = 5;
/** While others are always ready, those that have begun get so many turns each for one that begins. */
const ROUNDS = 8;
/** When no unit has ended for as long as four take, and for this long at least, one is let in: they may wait for what is held. */
const PATIENT_MS = 250;
const PATIENT_UNITS = 4;
/** What a unit counts for at least: that of a hundredth of a millisecond, or of memory. */
const LEAST_USE = 1e-4;
/** How often that time doubles. */
const MOST_FORCED = 10;

/** A unit of work that was let in. */
export interface Unit {
  readonly gate: Gate;
  readonly edge: Edge;
  readonly began: number;
  /** Index of the edge of the unit around it, or -1. */
  readonly around: number;
}

/** Holds coroutines at edges, and lets them in. What lets them in is a coroutine, which lives while any are held. */
export class Gate {
  readonly limits: Limits;
  private readonly edges: Edge[] = [];
  private readonly byName = new Map<string, Edge>();
  private keeper: Coroutine | undefined;
  /** Slot of the keeper while it waits; else -1. */
  private waiting = -1;
  private held = 0;
  private rounds = 0;
  /** {@link Edge.had} of the edge that was served last: one that comes after a while has had no less. */
  private readonly least: Record<Resource, number> = { cpu: 0, pool: 0, memory: 0 };
  private closed = false;

  constructor(readonly meters: Meters) {
    this.limits = new Limits(meters, this.edges);
  }

  edge(name: string): Edge {
    const known = this.byName.get(name);
    if (known) return known;
    if (this.edges.length >= MOST_EDGES) return this.edges[MOST_EDGES - 1]!;
    const edge = new Edge(this.edges.length === MOST_EDGES - 1 ? 'others' : name, this.edges.length);
    this.edges.push(edge);
    this.byName.set(name, edge);
    return edge;
  }

  all(): readonly Edge[] {
    return this.edges;
  }

  /**
   * Begins a unit when no resource is short that it would use. Undefined: it was refused, after `patience` milliseconds. Parks. What the
   * running coroutine does from then on counts as the unit's, until {@link leave}.
   */
  enter(operation: string, edge: Edge, patience: number): Unit | undefined {
    const now = this.meters.now();
    this.limits.look(now);
    const processorIsFree = this.held === 0 && this.meters.ready() === 0;
    const short = edge.held > 0 ? edge.heldBy : this.limits.short(edge, processorIsFree);
    if (short === undefined || this.closed || !this.mayHold()) {
      const unit = { gate: this, edge, began: now, around: this.meters.charge(edge.index) };
      edge.begin();
      return unit;
    }
    if (!this.hold(operation, edge, short, now, patience)) return undefined;
    return { gate: this, edge, began: this.meters.now(), around: this.meters.charge(edge.index) };
  }

  leave({ edge, began, around }: Unit): void {
    edge.end(began, this.meters.now());
    this.meters.charge(around);
    if (this.waiting >= 0) this.wakeKeeper();
  }

  /** Lets in all that are held. */
  close(): void {
    this.closed = true;
    this.meters.stop();
    const now = this.meters.now();
    for (const edge of this.edges) while (edge.admitOne(now));
    if (this.waiting >= 0) this.wakeKeeper();
  }

  private mayHold(): boolean {
    return running[1]! >= 0 && native.mayPark() >= 0 && this.keep();
  }

  private hold(operation: string, edge: Edge, short: Resource, now: number, patience: number): boolean {
    const self = current()!;
    edge.heldBy = short;
    if (edge.held === 0) edge.had[short] = Math.max(edge.had[short], this.least[short]);
    parkDetails.set(self, () => `admission ${edge.name}, ${edge.heldBy ?? 'its turn'}`);
    this.held++;
    try {
      return edge.hold(new Held(operation, now, now + patience), (queue, waiter) =>
        queue.park(ParkKind.other, operation, undefined, undefined, 0, waiter));
    } finally {
      this.held--;
      parkDetails.delete(self);
    }
  }

  /** False: there is no memory for the coroutine that lets others in, so none is held. */
  private keep(): boolean {
    if (this.keeper) {
      if (this.waiting >= 0) this.wakeKeeper();
      return true;
    }
    try {
      this.keeper = spawn(() => { this.letIn(); }, { name: 'admission' });
      markObserver(this.keeper);
      return true;
    } catch {
      return false;
    }
  }

  private wakeKeeper(): void {
    native.wake(this.waiting, 0);
    this.waiting = -1;
  }

  private letIn(): void {
    let code = 0;
    while (this.anyHeld() && !this.closed && code >= 0) code = this.step();
    this.keeper = undefined;
    // Something has cancelled it.
    if (this.anyHeld() && !this.closed && !this.keep()) this.close();
  }

  private anyHeld(): boolean {
    return this.edges.some(({ held }) => held > 0);
  }

  /** Lets one in, or waits. */
  private step(): number {
    const now = this.meters.now();
    this.limits.look(now);
    const processorIsFree = this.meters.ready() === 0 || ++this.rounds >= ROUNDS;
    let wantsProcessor = false;
    const next: Partial<Record<Resource, Edge>> = {};
    for (const edge of this.edges) {
      if (edge.held > 0) edge.refuseLate(now);
      if (edge.held === 0) continue;
      const short = this.limits.short(edge, processorIsFree);
      if (short !== undefined) edge.heldBy = short;
      wantsProcessor ||= short === 'cpu';
      if (short !== undefined && !this.mustForce(edge, short, now)) continue;
      const was = edge.heldBy!;
      if (!next[was] || edge.had[was] < next[was].had[was]) next[was] = edge;
    }
    let admits = false;
    for (const resource of RESOURCES) admits = this.admitFrom(next[resource], resource, now) || admits;
    if (admits) {
      this.rounds = 0;
      return giveWay();
    }
    if (wantsProcessor) return giveWay();
    this.waiting = native.current();
    const code = native.parkFor(ParkKind.other, 0, LOOK_AGAIN_MS);
    this.waiting = -1;
    return code === ETIMEDOUT ? 0 : code;
  }

  /**
   * Of two edges that are held for the same, the one whose units use twice as much gets half as much of it, and a quarter as many units:
   * more gets done so than with equal parts, and none gets nothing.
   */
  private admitFrom(edge: Edge | undefined, resource: Resource, now: number): boolean {
    if (!edge?.admitOne(now)) return false;
    this.least[resource] = edge.had[resource];
    // One that is not known is tried.
    edge.had[resource] += edge.isKnown ? Math.max(LEAST_USE, this.limits.use(edge, resource) ** 2) : LEAST_USE;
    return true;
  }

  /** Whether those that are under way make no progress, so that they may wait for one that is held: for a lock, a message. */
  private mustForce(edge: Edge, short: Resource, now: number): boolean {
    if (short === 'cpu') return false;
    const patience = Math.max(PATIENT_MS, PATIENT_UNITS * edge.residence) * 2 ** Math.min(edge.forced, MOST_FORCED);
    if (now - edge.lastEnd < patience) return false;
    edge.forced++;
    edge.lastEnd = now;
    return true;
  }
}
