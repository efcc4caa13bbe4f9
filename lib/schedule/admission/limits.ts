import { RESOURCES, type Edge, type Resource } from './edge.js';
import type { Meters } from './meters.js';
import { UseModel } from './use_model.js';

/** How often it is looked at the processor, and how many such looks make a window, in which the rest is learned; milliseconds. */
export const LOOK_MS = 20;
const LOOKS = 5;
/** Parts of a look in which the thread had something to do, at which the processor counts as short, and as short no more. */
const BUSY = 0.95;
const NOT_BUSY = 0.8;
/** The edges that together use so much of a resource push it. */
const PUSHED = 0.9;
/** So many jobs in a window tell how long they wait. */
const LEAST_JOBS = 8;
/** The threads of the pool are never idle when they work for such a part of the time. */
const FULL = 0.95;
/** How many times as long as they are served jobs should wait: when the threads are never idle, and when more may help. */
const WAITED = 2;
const WAITED_WHILE_IDLE = 8;
/** How much the limit of units that use the pool changes in a window at most, and after how many windows without need of it it goes. */
const LEAST_CHANGE = 0.9;
const MOST_CHANGE = 1.25;
const UNNEEDED = 10;
/** The part of its limit that memory may come to: at first, the range, and the steps by which it follows what collections cost. */
const LEVEL = 0.75;
const LEAST_LEVEL = 0.4;
const MOST_LEVEL = 0.85;
const LEVEL_DOWN = 0.05;
const LEVEL_UP = 0.01;
/** The parts of the time that collections take, above which memory is too full, and below which there is room. */
const COSTLY = 0.25;
const CHEAP = 0.12;
/** How much a window moves the rate at which an edge uses something. */
const STEP = 0.2;

/** What is known of a resource. */
class Knowledge {
  /** By edge: what a unit uses, and what all use in a window, smoothed. */
  readonly uses: number[] = [];
  readonly rates: number[] = [];

  learn(edge: number, units: number, used: number, use = units > 0 ? used / units : undefined): void {
    const rate = this.rates[edge] ?? used;
    this.rates[edge] = rate + STEP * (used - rate);
    if (use !== undefined) this.uses[edge] = (this.uses[edge] ?? use) + STEP * (use - (this.uses[edge] ?? use));
  }
}

/**
 * Where the knee of each resource is, and which edges push it there: found from what is measured while the program runs.
 *
 * The *processor* is at its knee when the thread is never idle: what more is begun then only waits. The *pool* is, when its threads are
 * never idle either, and jobs wait for one longer than they keep it: the limit of units that use it follows that ratio, as in TCP Vegas
 * the window follows the queue (Brakmo and Peterson, 1995), and lets more wait while a thread is idle now and then. *Memory* is, when
 * collections become costly, or the next unit would bring it beyond its share of the limit; that share goes down fast where they are
 * costly, and up slowly where they are not.
 */
export class Limits {
  /** The processor is short. */
  cpu = false;
  /** Units that use the pool and may be under way. */
  pool = Infinity;
  /** The part of its limit that memory may come to. */
  level = LEVEL;
  private readonly known: Record<Resource, Knowledge> = { cpu: new Knowledge(), pool: new Knowledge(), memory: new Knowledge() };
  private readonly models = { cpu: new UseModel(), memory: new UseModel() };
  private lookedAt: number;
  private windowBegan: number;
  private idle: number;
  private windowIdle: number;
  private looks = 0;
  private jobs: ReturnType<Meters['pool']>;
  private collecting: number;
  private full: number;
  /** What memory had come to after the last full collection, and how many units were under way at each edge. */
  private live: number;
  private underWay: readonly number[] = [];
  /** Windows in which none was held for the pool. */
  private unneeded = 0;

  constructor(
    private readonly meters: Meters,
    private readonly edges: readonly Edge[],
  ) {
    this.lookedAt = this.windowBegan = meters.now();
    this.idle = this.windowIdle = meters.idle();
    this.jobs = meters.pool();
    const memory = meters.memory();
    this.collecting = memory.collecting;
    this.full = memory.full;
    this.live = memory.live;
  }

  /** What a unit of the edge uses: milliseconds of the processor, milliseconds of the pool's threads, a part of memory's limit. */
  use(edge: Edge, resource: Resource): number {
    return this.known[resource].uses[edge.index] ?? 0;
  }

  /** The resource that a unit of this edge would push beyond its knee. */
  short(edge: Edge, processorIsFree: boolean): Resource | undefined {
    if (edge.pushes.memory && this.predicted + this.use(edge, 'memory') > this.level && this.pushing('memory') > 0) return 'memory';
    if (edge.pushes.pool && this.pushing('pool') >= this.pool) return 'pool';
    return this.cpu && edge.pushes.cpu && !processorIsFree ? 'cpu' : undefined;
  }

  /** Looks, if it is time. */
  look(now: number): void {
    const took = now - this.lookedAt;
    if (took < LOOK_MS) return;
    const idle = this.meters.idle();
    const busy = 1 - (idle - this.idle) / took;
    this.lookedAt = now;
    this.idle = idle;
    if (busy >= BUSY) this.cpu = true;
    else if (busy < NOT_BUSY) this.cpu = false;
    if (++this.looks < LOOKS) return;
    this.looks = 0;
    this.learn(now, idle);
  }

  /** Memory as it will be when those that are under way use what others of their edges do. */
  private get predicted(): number {
    let level = this.live;
    for (const edge of this.edges) {
      const more = edge.inFlight - (this.underWay[edge.index] ?? 0);
      if (more !== 0) level += more * this.use(edge, 'memory');
    }
    return level;
  }

  private pushing(resource: Resource): number {
    let units = 0;
    for (const edge of this.edges) if (edge.pushes[resource]) units += edge.inFlight;
    return units;
  }

  private learn(now: number, idle: number): void {
    const took = now - this.windowBegan;
    const done = this.edges.map(({ begun, ended }) => (begun + ended) / 2);
    this.learnFrom('cpu', done, Math.max(0, took - (idle - this.windowIdle)));
    this.learnPool(done, took);
    this.learnMemory(took);
    this.windowBegan = now;
    this.windowIdle = idle;
    for (const edge of this.edges) edge.begun = edge.ended = 0;
    for (const resource of RESOURCES) this.findPushing(resource);
  }

  /** From what all units have used together. */
  private learnFrom(resource: 'cpu' | 'memory', units: readonly number[], total: number): void {
    const model = this.models[resource];
    // No unit has the processor for longer than it lasts.
    model.add(units, total, resource === 'cpu' ? this.edges.map(({ residence }) => residence || Infinity) : []);
    units.forEach((count, i) => { this.known[resource].learn(i, count, count * model.uses[i]!); });
  }

  private learnPool(done: readonly number[], took: number): void {
    const before = this.jobs;
    this.jobs = this.meters.pool();
    const served = this.jobs.served - before.served;
    done.forEach((units, i) => { this.known.pool.learn(i, units, this.jobs.servedBy[i]! - before.servedBy[i]!); });
    const held = this.edges.some(({ heldBy }) => heldBy === 'pool');
    this.unneeded = held ? 0 : this.unneeded + 1;
    if (this.jobs.jobs - before.jobs < LEAST_JOBS || served <= 0) return;
    const isFull = served >= FULL * this.meters.threads * took;
    const change = (1 + (isFull ? WAITED : WAITED_WHILE_IDLE)) / (1 + (this.jobs.waited - before.waited) / served);
    if (this.pool === Infinity) {
      if (isFull && change < 1) this.pool = Math.max(this.meters.threads, this.pushing('pool') * change);
    } else if (change < 1 || held) {
      this.pool = Math.max(this.meters.threads, this.pool * Math.min(Math.max(change, LEAST_CHANGE), MOST_CHANGE));
    } else if (this.unneeded > UNNEEDED) {
      this.pool = Infinity;
    }
  }

  private learnMemory(took: number): void {
    const { full, collecting, live } = this.meters.memory();
    const cost = (collecting - this.collecting) / took;
    this.collecting = collecting;
    // While the processor has time to spare, it may as well collect.
    if (cost > COSTLY && this.cpu) this.level = Math.max(LEAST_LEVEL, this.level - LEVEL_DOWN);
    else if (cost < CHEAP || !this.cpu) this.level = Math.min(MOST_LEVEL, this.level + LEVEL_UP);
    if (full === this.full) return;
    this.full = full;
    this.live = live;
    this.underWay = this.edges.map(({ inFlight }) => inFlight);
    this.learnFrom('memory', this.underWay, live);
  }

  /** Those with the largest parts, until they have {@link PUSHED} of the use together. */
  private findPushing(resource: Resource): void {
    const { rates } = this.known[resource];
    const sum = rates.reduce((all, rate) => all + rate, 0);
    let covered = 0;
    for (const edge of [...this.edges].sort((a, b) => (rates[b.index] ?? 0) - (rates[a.index] ?? 0))) {
      edge.pushes[resource] = (covered < PUSHED * sum && this.use(edge, resource) > 0) || !edge.isKnown;
      covered += rates[edge.index] ?? 0;
    }
  }
}
