import { booleanOf, integerIn, invalidValue, oneOf } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { checkFaults, type CheckedFaults, type FaultOptions } from './faults.js';
import { SEEDS } from './run.js';
import { choicesOf } from './schedule.js';

/** The options of `simulate`. */
export interface SimulationOptions {
  /** Chooses the schedule: the same seed gives the same schedule. Default: a random seed; errors name it. */
  seed?: number;
  /** How many schedules to try: `seed`, `seed` + 1, ... Default 1. */
  seeds?: number;
  /** A schedule that an error has named, instead of the one that the seed chooses. `''`: first in, first out. */
  schedule?: string;
  /** The file of a recording, made by `record`: `fn` gets what came from outside then, in the same order of turns. */
  replay?: string;
  /** Tries schedules systematically instead of by seeds; the result is an {@link Exploration}. */
  explore?: ExploreOptions | true;
  /**
   * Whether a run that fails is repeated with fewer and fewer departures from first in, first out, as long as it fails in the same
   * way, and the error tells the shortest one. Default: true with `explore` and with `seeds` above 1, where `fn` is run many
   * times anyway.
   */
  shrink?: boolean;
  /** What goes wrong with connections, files and names, and how likely; the seed decides when. The message of an error lists it. */
  faults?: FaultOptions;
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

/** How `simulate` explores schedules. */
export interface ExploreOptions {
  /**
   * The most departures from first in, first out in a schedule. Schedules with fewer are tried first. Default: any number, which
   * tries every schedule there is.
   */
  bound?: number;
  /**
   * What coroutines may share. `'everything'` (the default): any two turns may affect each other, so their order always counts.
   * `'declared'`: only through locks, channels and the like, other coroutines, and what `simulated.touch` names. Then schedules that
   * differ in the order of turns that touch nothing in common count as one. Only without `bound`.
   */
  shared?: 'everything' | 'declared';
  /** Stops after this many runs. Default 100,000. */
  maxRuns?: number;
}

/** What an exploration that found no failure has done. */
export interface Exploration {
  /** How many schedules were run. */
  readonly runs: number;
  /** Whether these were all, within `bound` if there is one; false: `maxRuns` came before. */
  readonly complete: boolean;
  /** The turns of the longest run. */
  readonly longest: number;
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
  /**
   * Says that the caller reads or changes (the default) something that other coroutines use, too; `what` is a name for it.
   * Counts with `{ explore: { shared: 'declared' } }`, until the caller parks next; otherwise it does nothing.
   */
  touch(what: string, access?: 'read' | 'write'): void;
  /** What `faults` has injected so far, in order. */
  readonly faults: readonly string[];
}

const KNOWN = new Set(['seed', 'seeds', 'schedule', 'replay', 'explore', 'shrink', 'faults', 'cancel', 'cancelEach', 'maxSteps']);
const KNOWN_OF_CANCEL = new Set(['name', 'at', 'when']);
const KNOWN_OF_EXPLORE = new Set(['bound', 'shared', 'maxRuns']);
const MOST_STEPS = 1e12;
const DEFAULT_STEPS = 100_000;
const DEFAULT_RUNS = 100_000;

/** The options of a call, checked. */
export interface CheckedOptions {
  readonly seed: number;
  readonly seeds: number;
  readonly schedule: string | undefined;
  readonly replay: string | undefined;
  readonly explore: { bound: number; declared: boolean; maxRuns: number } | undefined;
  readonly shrink: boolean;
  readonly faults: CheckedFaults;
  readonly cancel: Cancellation | undefined;
  readonly cancelEach: string | undefined;
  readonly maxSteps: number;
}

export function checkOptions(options: SimulationOptions): CheckedOptions {
  knownOptions('simulate', options, KNOWN);
  const { cancel, cancelEach, schedule, replay } = options;
  if (cancel) {
    knownOptions('simulate (options.cancel)', cancel, KNOWN_OF_CANCEL);
    integerIn('options.cancel.at', cancel.at, 1, MOST_STEPS);
  }
  const explore = exploreOf(options.explore);
  // With a schedule from elsewhere `random` still follows the seed: always the same one, so that errors stay short.
  const seed = options.seed ?? (explore || schedule !== undefined || replay !== undefined ? 0 : Math.floor(Math.random() * SEEDS));
  const seeds = integerIn('options.seeds', options.seeds ?? 1, 1, SEEDS);
  if (schedule !== undefined && (typeof schedule !== 'string' || explore || seeds > 1 || cancelEach !== undefined)) {
    throw invalidValue('options.schedule', 'a text, and alone: it is one schedule', schedule);
  }
  if (schedule !== undefined) choicesOf(schedule);
  if (replay !== undefined && (typeof replay !== 'string' || Object.keys(options).some((key) => key !== 'replay' && key !== 'maxSteps'))) {
    throw invalidValue('options.replay', 'the path of a file, and alone', replay);
  }
  if (explore && (seeds > 1 || cancelEach !== undefined)) {
    throw invalidValue('options.explore', 'used without seeds and cancelEach', options.explore);
  }
  return {
    seed: integerIn('options.seed', seed, 0, SEEDS - 1),
    seeds,
    schedule,
    replay,
    explore,
    shrink: booleanOf('options.shrink', options.shrink ?? (explore !== undefined || seeds > 1)),
    faults: checkFaults(options.faults),
    cancel,
    cancelEach,
    maxSteps: integerIn('options.maxSteps', options.maxSteps ?? DEFAULT_STEPS, 1, MOST_STEPS),
  };
}

function exploreOf(given: ExploreOptions | true | undefined): CheckedOptions['explore'] {
  if (given === undefined) return undefined;
  const options = given === true ? {} : given;
  knownOptions('simulate (options.explore)', options, KNOWN_OF_EXPLORE);
  const { bound = Infinity } = options;
  const declared = oneOf('options.explore.shared', options.shared ?? 'everything', ['everything', 'declared']) === 'declared';
  if (bound !== Infinity) integerIn('options.explore.bound', bound, 0, MOST_STEPS);
  if (declared && bound !== Infinity) throw invalidValue('options.explore.shared', 'used without bound', options.shared);
  return { bound, declared, maxRuns: integerIn('options.explore.maxRuns', options.maxRuns ?? DEFAULT_RUNS, 1, MOST_STEPS) };
}
