import { setUnheard, spawn, type Coroutine } from '../coroutine/coroutine.js';
import { CancelledError } from '../coroutine/errors.js';
import { functionOf, integerIn } from '../internal/arguments.js';
import { coroutineAt, coroutines } from '../internal/current.js';
import { nameOf } from '../internal/names.js';
import { native } from '../internal/native.js';
import { knownOptions } from '../internal/options.js';
import { randomBelow, restoreRandom, seedRandom } from '../internal/random.js';
import { simulating } from '../internal/simulating.js';
import { describeWaitable } from '../internal/waiting.js';
import { setDeadlockMode } from '../observe/deadlock.js';
import { DeadlockError } from '../observe/errors.js';
import { SimulationError } from './errors.js';

/** The options of `simulate`. */
export interface SimulationOptions {
  /** Chooses the schedule: the same seed gives the same schedule. Default: a random seed; errors name it. */
  seed?: number;
  /** How many schedules to try: `seed`, `seed` + 1, ... Default 1. */
  seeds?: number;
  /** Cancels a coroutine at one of its parking calls. */
  cancel?: Cancellation;
  /**
   * The name of a coroutine. Each seed is run once without cancelling it, and then twice for each of its parking calls:
   * once cancelling it as it parks there, and once when it was woken and has not run yet.
   */
  cancelEach?: string;
  /** Fails a run that takes more turns of coroutines than this. Default 100,000. */
  maxSteps?: number;
}

/** Where a simulation cancels a coroutine. */
export interface Cancellation {
  /** The name of the coroutine, as given to `spawn`. If several have it, their parking calls are counted together. */
  name: string;
  /** At which of its parking calls, counted from 1. */
  at: number;
  /** As it parks there (the default), or when it was woken and has not run yet. */
  when?: 'parked' | 'woken';
}

/** The argument of the function that {@link simulate} runs. */
export interface Simulated {
  /** The seed of this run. */
  readonly seed: number;
  /** Milliseconds of simulated time since the run began. */
  now(): number;
  /** A whole number from 0 to `limit` - 1, chosen by the seed. */
  random(limit: number): number;
}

/** The events of the hook of `native.simulate`, as native/runtime/runtime.h numbers them. */
const enum Happened {
  idle,
  tooManySteps,
  before,
  after,
}

const KNOWN = new Set(['seed', 'seeds', 'cancel', 'cancelEach', 'maxSteps']);
const KNOWN_OF_CANCEL = new Set(['name', 'at', 'when']);
const MOST_STEPS = 1e12;
const DEFAULT_STEPS = 100_000;
const SEEDS = 2 ** 32;

/** Simulations run one after the other: this is the end of the last. */
let last: Promise<unknown> = Promise.resolve();
let running = false;

/**
 * Runs `fn` in a coroutine under simulated time and a seeded scheduler: when no coroutine is ready, time jumps to the next
 * timer, and a seed chooses which of the ready coroutines runs next. So a test of coroutines that affect each other does not
 * wait, can be run under thousands of schedules, and a failure can be repeated exactly by its seed.
 *
 * Inside, everything in this module works: `spawn`, `sleep`, `timeout`, locks, channels, `wait` for promises that are
 * settled inside. A run ends when all its coroutines are done; then the next one begins. During a run nothing else happens
 * in the thread: other coroutines, sockets, files and Node's timers stand still, so waiting for one of them is a deadlock.
 * `Date`, `performance` and `Math.random` are not simulated: use `now` and `random` of the argument of `fn`.
 *
 * @returns the result of `fn` in the last run
 * @throws (rejects with) SimulationError (`ERR_SIMULATION`), whose message names the seed and whose `cause` is the error of
 *   `fn` or of a coroutine that was not joined; a DeadlockError (`ERR_DEADLOCK`) when no coroutine can go on; or an Error
 *   about too many steps. All other coroutines of the run were cancelled before. TypeError and RangeError for bad options
 *
 * @example
 * ```ts
 * import { simulate, sleep, spawn } from 'stackful';
 *
 * let balance = 100;
 * const withdraw = (amount: number) => {
 *   if (balance < amount) return;
 *   sleep(1); // another coroutine may withdraw meanwhile: a mistake
 *   balance -= amount;
 * };
 * const test = simulate({ seeds: 100 }, () => {
 *   balance = 100;
 *   const both = [spawn(() => withdraw(80)), spawn(() => withdraw(80))];
 *   for (const one of both) one.join();
 *   if (balance < 0) throw new Error('overdrawn');
 * });
 * console.log(await test.catch((error: NodeJS.ErrnoException) => error.code)); // ERR_SIMULATION
 * ```
 */
export function simulate<R>(fn: (simulated: Simulated) => R): Promise<R>;
export function simulate<R>(options: SimulationOptions, fn: (simulated: Simulated) => R): Promise<R>;
export function simulate<R>(
  first: SimulationOptions | ((simulated: Simulated) => R),
  second?: (simulated: Simulated) => R,
): Promise<R> {
  const options = typeof first === 'function' ? {} : first;
  const fn = functionOf('fn', typeof first === 'function' ? first : second!);
  knownOptions('simulate', options, KNOWN);
  if (options.cancel) knownOptions('simulate (options.cancel)', options.cancel, KNOWN_OF_CANCEL);
  const seed = integerIn('options.seed', options.seed ?? Math.floor(Math.random() * SEEDS), 0, SEEDS - 1);
  const seeds = integerIn('options.seeds', options.seeds ?? 1, 1, SEEDS);
  const maxSteps = integerIn('options.maxSteps', options.maxSteps ?? DEFAULT_STEPS, 1, MOST_STEPS);
  const { cancel, cancelEach } = options;
  if (cancel) integerIn('options.cancel.at', cancel.at, 1, MOST_STEPS);
  if (running) throw new SimulationError(seed, cancel, new Error('simulate was called inside a simulation'));

  const all = last.then(async () => {
    let result!: R;
    for (let at = seed; at < seed + seeds; at++) {
      const run = new Run(fn, at % SEEDS, maxSteps, cancel, cancelEach);
      // stackful-analyze-ignore wrong-stack: the coroutines that are joined have ended
      result = await run.result();
      for (let park = 1; cancelEach !== undefined && park <= run.parks; park++) {
        for (const when of ['parked', 'woken'] as const) {
          // stackful-analyze-ignore wrong-stack: as above
          result = await new Run(fn, at % SEEDS, maxSteps, { name: cancelEach, at: park, when }, cancelEach).result();
        }
      }
    }
    return result;
  });
  last = all.catch(() => undefined);
  return all;
}

/** The reason of coroutines that are cancelled because the run has failed. */
const OVER = 'the simulation has failed';

class Run<R> implements Simulated {
  /** Parking calls of the coroutines with the watched name, so far. */
  parks = 0;
  private readonly watched: string | undefined;
  private readonly outside = new Set(coroutines());
  private root: Coroutine<R> | undefined;
  private failure: { error: unknown } | undefined;
  /** The coroutines whose failure no join, await or scope has received. */
  private readonly unheard = new Set<Coroutine>();
  private readonly cancelled = new Set<Coroutine>();
  /** The coroutine to cancel before it runs next. */
  private victim: Coroutine | undefined;
  private settle!: () => void;
  private undo!: () => void;

  constructor(
    private readonly fn: (simulated: Simulated) => R,
    readonly seed: number,
    private readonly maxSteps: number,
    private readonly cancellation: Cancellation | undefined,
    watched: string | undefined,
  ) {
    this.watched = cancellation?.name ?? watched;
  }

  now(): number {
    // Rounded to microseconds, because a sleep of 0 takes a nanosecond.
    return Math.round(native.now() * 1e3) / 1e3;
  }

  random(limit: number): number {
    return randomBelow(integerIn('limit', limit, 1, SEEDS));
  }

  async result(): Promise<R> {
    await new Promise<void>((resolve) => {
      this.settle = resolve;
      simulating.on = true;
      native.simulate(this.seed, this.maxSteps, this.watched !== undefined, (event, slot) => { this.happened(event, slot); });
    });
    if (this.failure) throw new SimulationError(this.seed, this.cancellation, this.failure.error);
    // stackful-analyze-ignore wrong-stack: it has ended
    return this.root!.join();
  }

  private happened(event: Happened, slot: number): void {
    if (event === Happened.idle) {
      if (this.root) this.stopped();
      else this.begin();
    } else if (event === Happened.tooManySteps) {
      if (this.failure) this.end();
      else this.fail(new Error(`no end after ${String(this.maxSteps)} steps`));
    } else if (event === Happened.after) {
      this.stepped(coroutineAt(slot));
    } else if (this.victim?.slot === slot) {
      this.cancel(this.victim, 'cancelled by the simulation');
      this.victim = undefined;
    }
  }

  private begin(): void {
    const random = seedRandom(this.seed);
    const mode = setDeadlockMode('off');
    running = true;
    setUnheard(this.unheard);
    this.undo = () => {
      running = false;
      restoreRandom(random);
      setDeadlockMode(mode);
      setUnheard(undefined);
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

  /** No coroutine is ready, and no timer is armed. */
  private stopped(): void {
    const left = this.left();
    if (!this.failure && this.report()) return;
    if (left.length === 0) {
      this.end();
    } else if (!this.failure) {
      this.fail(new DeadlockError(`deadlock: ${left.map(describe).join('; ')}`, left));
    } else {
      // Coroutines that others spawned while they were being cancelled.
      const late = left.filter((c) => !this.cancelled.has(c));
      if (late.length === 0) this.end();
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
    if (c?.name !== this.watched) return;
    if (++this.parks !== this.cancellation?.at) return;
    if (this.cancellation.when === 'woken') this.victim = c;
    else this.cancel(c!, 'cancelled by the simulation');
  }

  private fail(error: unknown): void {
    if (this.failure) return;
    this.failure = { error };
    for (const c of this.left()) this.cancel(c, OVER);
  }

  private cancel(c: Coroutine, reason: string): void {
    this.cancelled.add(c);
    c.cancel(reason);
  }

  private left(): Coroutine[] {
    return coroutines().filter((c) => !this.outside.has(c));
  }

  private end(): void {
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
