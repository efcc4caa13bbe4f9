import { invalidValue } from '../internal/arguments.js';
import { native } from '../internal/native.js';
import { randomBelow } from '../internal/random.js';
import type { Coroutine } from '../coroutine/coroutine.js';
import { ReplayDivergedError } from './errors.js';

/**
 * Where a run asks for a choice, by the number of the turn, from 1 on: `7` is who has turn 7, `7+` whether turn 8 comes before
 * promise callbacks, `7?1` the first choice that `select` makes in turn 7.
 */
export type Place = string;

/** The choices of a run that differ from the default, which is 0 everywhere: first in, first out. */
export type Choices = ReadonlyMap<Place, number>;

/** As text: `7:1 9?1:2`. */
export function scheduleText(choices: Choices): string {
  return [...choices].map(([place, choice]) => (place.endsWith('+') ? place : `${place}:${String(choice)}`)).join(' ');
}

const ONE = /^(\d+(?:\?\d+)?):(\d+)$|^(\d+\+)$/;

/** The choices that a text of {@link scheduleText} stands for. @throws TypeError (`ERR_INVALID_ARG_VALUE`) */
export function choicesOf(text: string): Map<Place, number> {
  const choices = new Map<Place, number>();
  for (const one of text.split(' ').filter(Boolean)) {
    const match = ONE.exec(one);
    if (!match) throw invalidValue('options.schedule', "a schedule that an error of simulate has named, such as '7:1 9:2'", text);
    choices.set(match[3] ?? match[1]!, match[3] ? 1 : Number(match[2]));
  }
  return choices;
}

/** Makes the choices of a run. Nothing of it is called on a coroutine but `pick`. */
export interface Director {
  /** Before a choice, and when nobody is ready: may make a coroutine ready. */
  prepare?(): void;
  /** Who of `ready`, which are in the order in which they have become so, has turn number `turn`: an index. */
  choose(turn: number, ready: readonly Coroutine[]): number;
  /** Whether the turn after `turn` comes before promise callbacks. */
  promisesLater?(turn: number): boolean;
  /** One of `limit` things that are the program's to choose from, in the middle of a turn. */
  pick(turn: number, limit: number): number;
  /** The run has failed. */
  failed?(): void;
  /** A turn is over. */
  ran?(turn: number, coroutine: Coroutine | undefined): void;
  /** No coroutine was ready, and time has passed. */
  advanced?(): void;
}

/** Follows a schedule. Remembers which choices it was asked for. */
export class Following implements Director {
  /** The choices made that were not the default. */
  readonly made = new Map<Place, number>();
  /** The choices asked for, in order, and how many there were to choose from. */
  readonly asked: [place: Place, limit: number][] = [];
  private lastTurn = 0;
  private picks = 0;

  /** @param strict whether what the run does not offer fails it; if not, the default is chosen there */
  constructor(private readonly choices: Choices, private readonly strict = false) {}

  choose(turn: number, ready: readonly Coroutine[]): number {
    this.lastTurn = turn;
    this.picks = 0;
    return this.at(String(turn), ready.length, 0);
  }

  promisesLater(turn: number): boolean {
    return this.at(`${String(turn)}+`, 2, 0) === 1;
  }

  pick(turn: number, limit: number): number {
    return this.at(`${String(turn)}?${String(++this.picks)}`, limit, randomBelow(limit));
  }

  /** What the schedule wants and the run, which is over, has not come to. */
  get missed(): Place | undefined {
    if (!this.strict) return undefined;
    return [...this.choices.keys()].find((place) => Number.parseInt(place, 10) > this.lastTurn);
  }

  protected at(place: Place, limit: number, _drawn: number): number {
    if (limit > 1) this.asked.push([place, limit]);
    const choice = this.choices.get(place) ?? 0;
    if (choice === 0) return 0;
    if (choice >= limit) {
      if (this.strict) throw new ReplayDivergedError(`${place}:${String(choice)} of the schedule: there are only ${String(limit)} to choose from`);
      return 0;
    }
    this.made.set(place, choice);
    return choice;
  }
}

/** Makes the same choices as a run by its seed alone, and remembers them. */
export class Drawing extends Following {
  constructor() {
    super(new Map());
  }

  protected override at(place: Place, limit: number, drawn: number): number {
    const choice = place.includes('?') ? drawn : place.endsWith('+') ? Number(native.simulationRandom(4) !== 0)
      : limit > 1 ? native.simulationRandom(limit) : 0;
    if (limit > 1) this.asked.push([place, limit]);
    if (choice !== 0) this.made.set(place, choice);
    return choice;
  }
}
