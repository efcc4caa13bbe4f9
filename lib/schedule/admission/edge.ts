import { Waiter, WaitQueue } from '../../internal/parking.js';

/** What can be short at an edge. */
export type Resource = 'cpu' | 'pool' | 'memory';
export const RESOURCES: readonly Resource[] = ['cpu', 'pool', 'memory'];

/** So many units teach what an edge uses; until then it counts as one that uses everything. */
const TEACHING = 10;
/** How much one unit moves the mean. */
const STEP = 0.1;
/** A queue that has not been empty for so long, in milliseconds, is no burst: then those that came last have the best chances. */
const STANDING_MS = 100;

/** One that is held; `true` lets it in, `false` refuses it. */
export class Held extends Waiter<boolean> {
  constructor(
    operation: string,
    /** When it came, and when it is refused, in milliseconds. */
    readonly since: number,
    readonly until: number,
  ) {
    super(operation);
  }
}

/** An edge of the blocking graph that begins a unit of work: a request of a route, or a call of `admit`. */
export class Edge {
  /** Units that were let in and have not ended. */
  inFlight = 0;
  held = 0;
  /** What those that are held wait for. */
  heldBy: Resource | undefined;
  /** Since the beginning. */
  admitted = 0;
  refused = 0;
  /** Units of the present window that have begun and that have ended. */
  begun = 0;
  ended = 0;
  /** What its units have had of what is short: of several edges where some are held for the same, the one with the least is next. */
  readonly had: Record<Resource, number> = { cpu: 0, pool: 0, memory: 0 };
  /** The mean time of a unit, in milliseconds. */
  residence = 0;
  /** When a unit has ended last since any are held, or one was let in because none did. */
  lastEnd = 0;
  /** How often in a row one was let in because none has ended. */
  forced = 0;
  /** The resources of whose use it has a considerable part. */
  readonly pushes: Record<Resource, boolean> = { cpu: true, pool: true, memory: true };
  private readonly queue = new WaitQueue<boolean>();
  private standingSince = 0;
  /** When the last one of those that are held is refused. */
  private latest = 0;
  /** When the first one is refused of those that are held behind others with more patience. */
  private soonest = Infinity;
  private known = 0;

  constructor(
    readonly name: string,
    /** Its place in a model. */
    readonly index: number,
  ) {}

  /** Whether its use is known. */
  get isKnown(): boolean {
    return this.known >= TEACHING;
  }

  begin(): void {
    this.inFlight++;
    this.admitted++;
    this.begun++;
  }

  end(began: number, now: number): void {
    this.inFlight--;
    this.ended++;
    this.known++;
    this.forced = 0;
    this.lastEnd = now;
    this.residence += (now - began - this.residence) * Math.max(STEP, 1 / this.known);
  }

  /** Parks the running coroutine until it is let in (true) or refused. */
  hold(waiter: Held, park: (queue: WaitQueue<boolean>, waiter: Held) => boolean): boolean {
    if (this.held === 0) {
      this.standingSince = this.lastEnd = waiter.since;
      this.latest = 0;
      this.soonest = Infinity;
    }
    if (waiter.until >= this.latest) this.latest = waiter.until;
    else if (waiter.until < this.soonest) this.soonest = waiter.until;
    this.held++;
    try {
      return park(this.queue, waiter);
    } catch (error) {
      this.left();
      throw error;
    }
  }

  /** Lets one in. False: there is none. */
  admitOne(now: number): boolean {
    const newest = now - this.standingSince > STANDING_MS;
    for (;;) {
      const first = this.queue.first as Held | undefined;
      // One that is never refused must not be overtaken for ever.
      const waiter = first && newest && first.until !== Infinity ? this.queue.pop() : this.queue.shift();
      if (!waiter) return false;
      if (!waiter.wake(true)) continue;
      this.left();
      this.begin();
      return true;
    }
  }

  /** Refuses those whose time is up. */
  refuseLate(now: number): void {
    for (let first = this.queue.first as Held | undefined; first && first.until <= now; first = this.queue.first as Held | undefined) {
      this.refuse(first);
    }
    if (now < this.soonest) return;
    this.soonest = Infinity;
    for (let one = this.queue.first as Held | undefined, next; one; one = next) {
      next = one.next as Held | undefined;
      if (one.until <= now) this.refuse(one);
      else if (one.until < this.latest && one.until < this.soonest) this.soonest = one.until;
    }
  }

  private refuse(waiter: Held): void {
    this.queue.remove(waiter);
    if (!waiter.wake(false)) return;
    this.left();
    this.refused++;
  }

  private left(): void {
    this.held--;
    if (this.held === 0) this.heldBy = undefined;
  }
}
