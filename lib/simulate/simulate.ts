import { functionOf } from '../internal/arguments.js';
import { DeadlockError } from '../observe/errors.js';
import { ReplayDivergedError, SimulationError } from './errors.js';
import { explore } from './explore.js';
import {
  checkOptions, type Cancellation, type CheckedOptions, type Exploration, type ExploreOptions,
  type Simulated, type SimulationOptions,
} from './options.js';
import type { FaultOptions } from './faults.js';
import { Replay } from './replay.js';
import { Run, runs, SEEDS, type Terms } from './run.js';
import { choicesOf, Drawing, Following, scheduleText, type Choices } from './schedule.js';
import { fewest, kindOf, shrink } from './shrink.js';
import { Story } from './story.js';
import { readTrace } from './trace.js';

export type { Cancellation, FaultOptions, ExploreOptions, Exploration, Simulated, SimulationOptions };

/** Simulations run one after the other: this is the end of the last. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs `fn` in a coroutine under simulated time and a scheduler that makes its choices by a seed, by a schedule that an error has named,
 * or systematically: when no coroutine is ready, time jumps to the next timer; when several are, one of them runs next. So a test of
 * coroutines that affect each other does not wait, can be run under thousands of schedules, and a failure can be repeated exactly.
 *
 * With `explore` all schedules are run, or those with few departures from first in, first out. That tells what comes of each order of
 * turns; promise callbacks run right behind the turn that causes them, and what `random` gives follows the seed.
 *
 * Inside, everything in this module works: `spawn`, `sleep`, `timeout`, locks, channels, `wait` for promises that are
 * settled inside. Sockets of `stackful/net` are connected to each other in memory, numeric addresses and `localhost` are known, and work on
 * files is done at once; `faults` makes them fail. TLS, UDP, `serve` and child processes are not simulated. A run ends when all its
 * coroutines are done; then the next one begins. During a run nothing else happens in the thread: other coroutines, sockets
 * that were there before and Node's timers stand still, so waiting for one of them is a deadlock.
 * `Date`, `performance` and `Math.random` are not simulated: use `now` and `random` of the argument of `fn`.
 *
 * @returns the result of `fn` in the last run; with `explore` an {@link Exploration}
 * @throws (rejects with) SimulationError (`ERR_SIMULATION`), whose message says how to repeat the run and, where the shortest failing
 *   schedule is known, what happened in it turn by turn, and whose `cause` is the error of `fn` or of a coroutine that was not joined; a
 *   DeadlockError (`ERR_DEADLOCK`) when no coroutine can go on; a ReplayDivergedError (`ERR_REPLAY_DIVERGED`) when the run does
 *   not fit `schedule`, or is not the same each time; a NotRecordedError (`ERR_NOT_RECORDED`) when a replay needs what recordings do
 *   not have; or an Error about too many steps. All other coroutines of the run were cancelled
 *   before. TypeError and RangeError for bad options
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
 *
 * const safe = (amount: number) => { if (balance >= amount) balance -= amount; };
 * const { runs, complete } = await simulate({ explore: true }, () => {
 *   balance = 100;
 *   for (const one of [spawn(() => safe(80)), spawn(() => safe(80))]) one.join();
 *   if (balance !== 20) throw new Error('wrong');
 * });
 * console.log(complete, runs > 1); // true true
 * ```
 */
export function simulate<R>(fn: (simulated: Simulated) => R): Promise<R>;
export function simulate<R>(
  options: SimulationOptions & { explore: ExploreOptions | true },
  fn: (simulated: Simulated) => R,
): Promise<Exploration>;
export function simulate<R>(options: SimulationOptions, fn: (simulated: Simulated) => R): Promise<R>;
export function simulate<R>(
  first: SimulationOptions | ((simulated: Simulated) => R),
  second?: (simulated: Simulated) => R,
): Promise<R | Exploration> {
  const fn = functionOf('fn', typeof first === 'function' ? first : second!);
  const options = checkOptions(typeof first === 'function' ? {} : first);
  if (runs.now) throw new SimulationError(options.seed, options.cancel, new Error('simulate was called inside a simulation'));
  const all = last.then(() => new Simulation(fn, options).result());
  last = all.catch(() => undefined);
  return all;
}

/** One call of `simulate`: its runs, and what follows when one of them fails. */
class Simulation<R> {
  constructor(private readonly fn: (simulated: Simulated) => R, private readonly options: CheckedOptions) {}

  result(): Promise<R | Exploration> {
    const { explore: how, schedule, seed, replay } = this.options;
    if (replay !== undefined) return this.replayed(this.terms(seed), replay);
    if (how) return this.explored(how);
    return schedule === undefined ? this.seeded() : this.scheduled(this.terms(seed), choicesOf(schedule));
  }

  private terms(seed: number, cancel = this.options.cancel): Terms {
    return { seed, maxSteps: this.options.maxSteps, faults: this.options.faults, cancel, watched: this.options.cancelEach };
  }

  private async seeded(): Promise<R> {
    const { seed, seeds, cancelEach } = this.options;
    let result!: R;
    for (let at = seed; at < seed + seeds; at++) {
      const run = new Run(this.fn, this.terms(at % SEEDS));
      result = await this.resultOf(run, this.terms(at % SEEDS));
      for (let park = 1; cancelEach !== undefined && park <= run.parks; park++) {
        for (const when of ['parked', 'woken'] as const) {
          const terms = this.terms(at % SEEDS, { name: cancelEach, at: park, when });
          result = await this.resultOf(new Run(this.fn, terms), terms);
        }
      }
    }
    return result;
  }

  private async resultOf(run: Run<R>, terms: Terms): Promise<R> {
    const ended = await run.end();
    if (!ended.failed) return ended.result;
    const { error } = ended;
    const plain = () => new SimulationError(terms.seed, terms.cancel, error, undefined, undefined, run.faults);
    if (!this.options.shrink) throw plain();
    // Once more, to see which choices the seed makes.
    const drawing = new Drawing();
    const again = await new Run(this.fn, terms, drawing).end();
    if (!again.failed || kindOf(again.error) !== kindOf(error)) throw plain();
    throw await this.shortest(terms, error, drawing.made);
  }

  private async scheduled(terms: Terms, choices: Choices): Promise<R> {
    const following = new Following(choices, true);
    const story = new Story();
    const run = new Run(this.fn, terms, following, story);
    const ended = await run.end();
    const { missed } = following;
    if (!ended.failed && missed === undefined) return ended.result;
    const error = missed === undefined || ended.failed ? (ended as { error: unknown }).error
      : new ReplayDivergedError(`the run was over before turn ${String(Number.parseInt(missed, 10))} of the schedule`);
    if (this.options.shrink && !(error instanceof ReplayDivergedError)) throw await this.shortest(terms, error, choices);
    throw new SimulationError(terms.seed, terms.cancel, error, scheduleText(choices), story.text(told(error)), run.faults);
  }

  private async replayed(terms: Terms, file: string): Promise<R> {
    const replay = new Replay(readTrace(file));
    const story = new Story();
    const enter = () => { replay.enter(); };
    const leave = () => { replay.leave(); };
    const run = new Run(this.fn, { ...terms, enter, leave }, replay, story);
    const ended = await run.end();
    const returned = replay.over ? run.returned : undefined;
    // Coroutines that still waited when the function returned, and the recording ended, wait for ever.
    const stuck = ended.failed && ended.error instanceof DeadlockError && replay.wentOn;
    const diverged = replay.divergence(ended.failed && !(stuck && returned), stuck && !returned);
    if (!ended.failed && !diverged) return ended.result;
    if (stuck && returned && !diverged) return returned.result;
    const error = diverged ?? (ended as { error: unknown }).error;
    throw new SimulationError(terms.seed, undefined, error, undefined, story.text(told(error)), [], file);
  }

  private async explored(how: NonNullable<CheckedOptions['explore']>): Promise<Exploration> {
    const terms = this.terms(this.options.seed);
    const { found, exploration } = await explore(this.fn, terms, how);
    if (!found) return exploration;
    throw await this.shortest(terms, found.error, this.options.shrink ? found.choices : undefined, found.choices);
  }

  /** The error for a failure under `choices`, with the shortest schedule that leads to it. */
  private async shortest(terms: Terms, error: unknown, choices: Choices | undefined, known = choices): Promise<SimulationError> {
    const kind = kindOf(error);
    const fails = async (following: Following) => {
      const ended = await new Run(this.fn, terms, following).end();
      return ended.failed && kindOf(ended.error) === kind;
    };
    const short = choices ? await fewest(await shrink(choices, fails), fails) : known!;
    const story = new Story();
    const run = new Run(this.fn, terms, new Following(short), story);
    const ended = await run.end();
    // It depends on something besides the schedule, and does not fail any more.
    if (!ended.failed) return new SimulationError(terms.seed, terms.cancel, error, scheduleText(known!));
    return new SimulationError(terms.seed, terms.cancel, ended.error, scheduleText(short), story.text(told(ended.error)), run.faults);
  }
}

/** Without the numbers of coroutines and locks, which go on from run to run. */
function told(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.split('\n', 1)[0]!.replaceAll(/ #\d+/g, '');
}
