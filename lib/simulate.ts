import { coroutineAt, coroutines, setUnheard, spawn, type Coroutine } from './coroutine.js';
import { describeWaitable, setDeadlockMode } from './deadlock.js';
import { CancelledError, DeadlockError, SimulationError } from './errors.js';
import { functionOf, integerIn } from './internal/arguments.js';
import { native } from './internal/native.js';
import { randomBelow, restoreRandom, seedRandom } from './internal/random.js';

export interface SimulationOptions {
  /** Chooses the schedule. The same seed gives the same one. Default: another one each time; errors name it. */
  seed?: number;
  /** How many schedules to try: `seed`, `seed` + 1, ... Default 1. */
  seeds?: number;
  /** Cancels a coroutine at one of its parking calls. */
  cancel?: Cancellation;
  /**
   * The name of a coroutine. Each seed is run once without, and then again and again, cancelling it at each of its
   * parking calls in turn: once as it parks there, and once when it has been woken and not run yet.
   */
  cancelEach?: string;
  /** Ends a run that takes more turns of coroutines than this. Default 100,000. */
  maxSteps?: number;
}

/** Where in a simulation somebody is cancelled. */
export interface Cancellation {
  /** The name of the coroutine, as given to `spawn`. If there are several, their parking calls are counted together. */
  name: string;
  /** At which of its parking calls, counted from 1. */
  at: number;
  /** As it parks there (the default), or when it has been woken and not run yet. */
  when?: 'parked' | 'woken';
}

/** What the function that {@link simulate} runs is given. */
export interface Simulated {
  /** The seed of this run. */
  readonly seed: number;
  /** Milliseconds of simulated time since the run began. */
  now(): number;
  /** A whole number from 0 to `limit` - 1, chosen by the seed. */
  random(limit: number): number;
}

/** What the hook is told; native/binding/runtime.h. */
const enum Happened {
  idle,
  tooManySteps,
  before,
  after,
}

const MOST_STEPS = 1e12;
const DEFAULT_STEPS = 100_000;
const SEEDS = 2 ** 32;

/** Simulations take turns. */
let last: Promise<unknown> = Promise.resolve();
let running = false;

/**
 * Runs `fn` in a coroutine, in a world of its own: time does not pass but jumps to the next timer whenever nobody is
 * ready, and who runs next of those that are ready is chosen by a seed. So a test of what coroutines do to each other
 * takes no time, can be repeated over thousands of schedules, and a failure can be repeated exactly by its seed.
 *
 * ```ts
 * await simulate({ seeds: 1000 }, () => {
 *   const account = new Account(100);
 *   const all = [1, 2].map(() => spawn(() => account.withdraw(80)));
 *   all.forEach((c) => c.join());
 *   expect(account.balance).toBe(20);
 * });
 * ```
 *
 * Inside, everything in this module works: `spawn`, `sleep`, `timeout`, locks, channels, `wait` for promises that are
 * settled inside. A run ends when all coroutines in it have; then the next one begins. While it lasts, nothing else
 * happens in the thread: other coroutines, sockets, files, host timers stand still, so waiting for one of them is a
 * deadlock here. `Date`, `performance` and `Math.random` are what they are outside; use what `fn` is given.
 *
 * @returns what `fn` returned in the last run
 * @throws (rejects with) SimulationError (`ERR_SIMULATION`), whose message names the seed and whose `cause` is what went
 *   wrong: what `fn` threw, or a coroutine that nobody joined; DeadlockError (`ERR_DEADLOCK`) when nobody can ever go on;
 *   an Error about too many steps. Everybody else in the run has been cancelled then.
 */
export function simulate<R>(fn: (simulated: Simulated) => R): Promise<R>;
export function simulate<R>(options: SimulationOptions, fn: (simulated: Simulated) => R): Promise<R>;
export function simulate<R>(
  first: SimulationOptions | ((simulated: Simulated) => R),
  second?: (simulated: Simulated) => R,
): Promise<R> {
  const options = typeof first === 'function' ? {} : first;
  const fn = functionOf('fn', typeof first === 'function' ? first : second!);
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
      result = await run.result();
      for (let park = 1; cancelEach !== undefined && park <= run.parks; park++) {
        for (const when of ['parked', 'woken'] as const) {
          result = await new Run(fn, at % SEEDS, maxSteps, { name: cancelEach, at: park, when }, cancelEach).result();
        }
      }
    }
    return result;
  });
  last = all.catch(() => undefined);
  return all;
}

/** The reason of those that are cancelled because a run has failed. */
const OVER = 'the simulation has failed';

class Run<R> implements Simulated {
  /** Parking calls of the coroutines with the watched name, so far. */
  parks = 0;
  private readonly watched: string | undefined;
  private readonly outside = new Set(coroutines());
  private root: Coroutine<R> | undefined;
  private failure: { error: unknown } | undefined;
  /** Those that failed and that nobody has asked for it. */
  private readonly unheard = new Set<Coroutine>();
  private readonly cancelled = new Set<Coroutine>();
  /** Who is cancelled before it next runs. */
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
    // Timers are exact to the nanosecond; a sleep of 0 takes one.
    return Math.round(native.now() * 1e3) / 1e3;
  }

  random(limit: number): number {
    return randomBelow(integerIn('limit', limit, 1, SEEDS));
  }

  async result(): Promise<R> {
    await new Promise<void>((resolve) => {
      this.settle = resolve;
      native.simulate(this.seed, this.maxSteps, this.watched !== undefined, (event, slot) => { this.happened(event, slot); });
    });
    if (this.failure) throw new SimulationError(this.seed, this.cancellation, this.failure.error);
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

  /** Nobody is ready, and no time will change that. */
  private stopped(): void {
    const left = this.left();
    if (!this.failure && this.report()) return;
    if (left.length === 0) {
      this.end();
    } else if (!this.failure) {
      this.fail(new DeadlockError(`deadlock: ${left.map(describe).join('; ')}`, left));
    } else {
      // Spawned since, by somebody cleaning up.
      const late = left.filter((c) => !this.cancelled.has(c));
      if (late.length === 0) this.end();
      for (const c of late) this.cancel(c, OVER);
    }
  }

  /** Whether somebody has failed without anybody knowing. */
  private report(): boolean {
    for (const c of this.unheard) {
      const error = errorOf(c);
      if (c === this.root || (this.cancelled.has(c) && error instanceof CancelledError)) continue;
      this.fail(error);
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
    this.settle();
  }
}

function describe(c: Coroutine): string {
  const name = c.name ? `#${String(c.id)} ${c.name}` : `#${String(c.id)}`;
  return `${name} waits for ${c.waitsFor ? describeWaitable(c.waitsFor) : String(c.parkedOn)}`;
}

function errorOf(c: Coroutine): unknown {
  try {
    c.join();
  } catch (error) {
    return error;
  }
  return undefined;
}
