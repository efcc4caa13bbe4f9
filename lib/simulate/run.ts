import { setUnheard, spawn, type Coroutine } from '../coroutine/coroutine.js';
import { CancelledError } from '../coroutine/errors.js';
import { integerIn, invalidType, oneOf } from '../internal/arguments.js';
import { coroutineAt, coroutines } from '../internal/current.js';
import { nameOf } from '../internal/names.js';
import { native } from '../internal/native.js';
import { randomBelow, restoreRandom, seedRandom, setChooser } from '../internal/random.js';
import { simulating } from '../internal/simulating.js';
import { describeWaitable } from '../internal/waiting.js';
import { setDeadlockMode } from '../observe/deadlock.js';
import { DeadlockError } from '../observe/errors.js';
import { Faults, type CheckedFaults } from './faults.js';
import type { Cancellation, Simulated } from './options.js';
import type { Director } from './schedule.js';
import { enterWorld, leaveWorld } from './world.js';

/** The events of the hook of `native.simulate`, as native/runtime/runtime.h numbers them. */
const enum Happened {
  idle,
  tooManySteps,
  before,
  after,
  choose,
  advanced,
  stuck,
}

/** The reason of coroutines that are cancelled because the run has failed. */
const OVER = 'the simulation has failed';
/** How many seeds there are. */
export const SEEDS = 2 ** 32;

/** Sees what happens in a run. Nothing that it does may park. */
export interface Witness {
  /** A coroutine has its turn next: the one at `index` of those that are ready. */
  begins?(coroutine: Coroutine, index: number, ready: readonly Coroutine[]): void;
  /** Its turn is over; `ready` are those that are ready before promise callbacks have run. */
  ends?(coroutine: Coroutine, ready: readonly Coroutine[]): void;
  /** No coroutine was ready, and time has passed. */
  advanced?(): void;
  /** `simulated.touch` was called. */
  touched?(what: string, change: boolean): void;
  /** The seed has decided something: `simulated.random` was called, or a fault was possible. */
  drew?(): void;
}

export interface Terms {
  seed: number;
  maxSteps: number;
  faults: CheckedFaults;
  /** Puts the outside of a recording in place, instead of a simulated one; and takes it away. */
  enter?: () => void;
  leave?: () => void;
  cancel: Cancellation | undefined;
  /** The name of coroutines whose parking calls are counted. */
  watched: string | undefined;
}

/** How a run has ended. */
export type Ended<R> = { failed: false; result: R } | { failed: true; error: unknown };

/** Whether one is under way. */
export const runs = { now: false };

/** One run of a function in simulated time. */
export class Run<R> implements Simulated {
  /** Parking calls of the coroutines with the watched name, so far. */
  parks = 0;
  readonly seed: number;
  private readonly injector: Faults;
  private turn = 0;
  private readonly watched: string | undefined;
  private readonly outside = new Set(coroutines());
  private root: Coroutine<R> | undefined;
  private failure: { error: unknown } | undefined;
  /** The coroutines whose failure no join, await or scope has received. */
  private readonly unheard = new Set<Coroutine>();
  private readonly cancelled = new Set<Coroutine>();
  /** The coroutine to cancel before it runs next. */
  private victim: Coroutine | undefined;
  private ready = new Int32Array(64);
  private settle!: () => void;
  private undo!: () => void;

  constructor(
    private readonly fn: (simulated: Simulated) => R,
    private readonly terms: Terms,
    private readonly director?: Director,
    private readonly witness?: Witness,
  ) {
    this.seed = terms.seed;
    this.injector = new Faults(terms.faults, terms.seed, () => { witness?.drew?.(); }, () => this.now());
    this.watched = terms.cancel?.name ?? terms.watched;
  }

  get faults(): readonly string[] {
    return this.injector.injected;
  }

  /** What the function has returned, also when the run failed behind that. */
  get returned(): { result: R } | undefined {
    try {
      // stackful-analyze-ignore wrong-stack: it has ended
      return this.root && { result: this.root.join() };
    } catch {
      return undefined;
    }
  }

  now(): number {
    // Rounded to microseconds, because a sleep of 0 takes a nanosecond.
    return Math.round(native.now() * 1e3) / 1e3;
  }

  // Functions of their own, because a program may take them out of its argument.
  readonly random = (limit: number): number => {
    integerIn('limit', limit, 1, SEEDS);
    this.witness?.drew?.();
    return randomBelow(limit);
  };

  readonly touch = (what: string, access: 'read' | 'write' = 'write'): void => {
    if (typeof what !== 'string') throw invalidType('what', 'of type string', what);
    this.witness?.touched?.(what, oneOf('access', access, ['read', 'write']) === 'write');
  };

  async end(): Promise<Ended<R>> {
    await new Promise<void>((resolve) => {
      this.settle = resolve;
      simulating.on = true;
      const directed = this.director !== undefined;
      native.simulate(this.seed, this.terms.maxSteps, directed || this.watched !== undefined, directed,
        (event, number) => this.happened(event, number));
    });
    if (this.failure) return { failed: true, error: this.failure.error };
    // stackful-analyze-ignore wrong-stack: it has ended
    return { failed: false, result: this.root!.join() };
  }

  private happened(event: Happened, number: number): number | undefined {
    switch (event) {
      case Happened.idle:
        if (this.root) this.stopped();
        else this.begin();
        break;
      case Happened.tooManySteps:
        if (this.failure) this.finish();
        else this.fail(new Error(`no end after ${String(this.terms.maxSteps)} steps`));
        break;
      case Happened.choose:
        return this.choose();
      case Happened.stuck:
        this.prepare();
        break;
      case Happened.advanced:
        this.director!.advanced?.();
        this.witness?.advanced?.();
        break;
      case Happened.after:
        this.stepped(coroutineAt(number));
        break;
      case Happened.before:
        if (this.victim?.slot === number) {
          this.cancel(this.victim, 'cancelled by the simulation');
          this.victim = undefined;
        }
    }
    return undefined;
  }

  /** Lets a recording wake whom it wants next. */
  private prepare(): void {
    if (this.root && !this.failure) this.director?.prepare?.();
  }

  private choose(): number {
    this.prepare();
    const ready = this.readyNow();
    const turn = ++this.turn;
    try {
      // What cleans up after a failure is no part of the schedule.
      const index = this.failure ? 0 : this.director!.choose(turn, ready);
      const later = !this.failure && this.director!.promisesLater?.(turn) === true;
      this.chosen = ready[index];
      this.inTurn = true;
      if (!this.failure) this.witness?.begins?.(ready[index]!, index, ready);
      return 2 * index + Number(later);
    } catch (error) {
      this.chosen = ready[0];
      this.fail(error);
      return 0;
    }
  }

  /** Who has the turn: it may have ended when the turn is over, and have no slot any more. */
  private chosen: Coroutine | undefined;

  private readyNow(): Coroutine[] {
    let found = native.simulationReady(this.ready);
    while (found === this.ready.length) {
      this.ready = new Int32Array(4 * found);
      found = native.simulationReady(this.ready);
    }
    const list: Coroutine[] = [];
    for (let i = 0; i < found; i++) list.push(coroutineAt(this.ready[i]!)!);
    return list;
  }

  private begin(): void {
    const random = seedRandom(this.seed);
    const mode = setDeadlockMode('off');
    runs.now = true;
    setUnheard(this.unheard);
    if (this.terms.enter) this.terms.enter();
    else enterWorld(this.injector);
    const { director } = this;
    if (director) setChooser((limit) => this.pick(director, limit));
    this.undo = () => {
      runs.now = false;
      restoreRandom(random);
      setDeadlockMode(mode);
      setUnheard(undefined);
      setChooser(undefined);
      leaveWorld();
      this.terms.leave?.();
    };
    const root = () => {
      try {
        return this.fn(this);
      } catch (error) {
        this.fail(error);
        throw error;
      }
    };
    this.root = spawn(root, { name: 'simulate' });
  }

  private pick(director: Director, limit: number): number {
    return this.failure ? 0 : director.pick(this.turn, limit);
  }

  /** No coroutine is ready, and no timer is armed. */
  private stopped(): void {
    const left = this.left();
    if (!this.failure && this.report()) return;
    if (left.length === 0) {
      this.finish();
    } else if (!this.failure) {
      this.fail(new DeadlockError(`deadlock: ${left.map(describe).join('; ')}`, left));
    } else {
      // Coroutines that others spawned while they were being cancelled.
      const late = left.filter((c) => !this.cancelled.has(c));
      if (late.length === 0) this.finish();
      for (const c of late) this.cancel(c, OVER);
    }
  }

  /** Fails the run if a coroutine has failed unheard; returns whether it did. */
  private report(): boolean {
    for (const c of this.unheard) {
      if (c === this.root) continue;
      this.fail(errorOf(c));
      return true;
    }
    return false;
  }

  private stepped(c: Coroutine | undefined): void {
    const { director, witness } = this;
    if (director) {
      const ran = this.chosen!;
      this.inTurn = false;
      if (witness?.ends && !this.failureSeen) witness.ends(ran, this.readyNow());
      if (!this.failureSeen) director.ran?.(this.turn, ran);
      if (this.failure) this.failureSeen = true;
    }
    if (this.watched === undefined || c?.name !== this.watched) return;
    const { cancel } = this.terms;
    if (++this.parks !== cancel?.at) return;
    if (cancel.when === 'woken') this.victim = c;
    else this.cancel(c, 'cancelled by the simulation');
  }

  /** Whether a coroutine has its turn; only in a run with a director. */
  private inTurn = false;
  /** Whether the turn in which the run has failed is over. */
  private failureSeen = false;

  private fail(error: unknown): void {
    if (this.failure) return;
    this.failure = { error };
    this.director?.failed?.();
    if (!this.inTurn) this.failureSeen = true;
    for (const c of this.left()) this.cancel(c, OVER);
  }

  private cancel(c: Coroutine, reason: string): void {
    this.cancelled.add(c);
    c.cancel(reason);
  }

  private left(): Coroutine[] {
    // By age: slots are used again, so their order changes from run to run.
    return coroutines().filter((c) => !this.outside.has(c)).sort((a, b) => a.id - b.id);
  }

  private finish(): void {
    for (const c of this.left()) c.abandon(new CancelledError(OVER));
    this.undo();
    native.endSimulation();
    simulating.on = false;
    this.settle();
  }
}

function describe(c: Coroutine): string {
  return `${nameOf(c)} waits for ${c.waitsFor ? describeWaitable(c.waitsFor) : String(c.parkedOn)}`;
}

function errorOf(c: Coroutine): unknown {
  try {
    c.join();
  } catch (error) {
    return error;
  }
  return undefined;
}
