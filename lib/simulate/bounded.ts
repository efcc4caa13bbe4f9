import { Following, type Choices, type Place } from './schedule.js';

/** A schedule that was run, from which others are made by one more departure behind its last. */
interface Tried {
  readonly choices: Choices;
  readonly asked: readonly [place: Place, limit: number][];
}

/**
 * Schedules in the order of how many departures from the default they have: 0, then all with 1, and so on, to a bound. Each is run once.
 * Emmi, Qadeer and Rakamaric, "Delay-bounded scheduling" (POPL 2011), with a departure in the place of a delay.
 */
export class Bounded {
  complete = false;

  constructor(private readonly bound: number) {}

  /** Gives directors of runs; each has to be followed by a run before the next. */
  *directors(): Generator<Following, void> {
    const root = new Following(new Map());
    yield root;
    let level: Tried[] = [{ choices: new Map(), asked: root.asked }];
    for (let departures = 1; departures <= this.bound && level.length > 0; departures++) {
      const next: Tried[] = [];
      for (const { choices, asked } of level) {
        const last = [...choices.keys()].at(-1);
        for (const [place, limit] of asked.slice(asked.findIndex(([one]) => one === last) + 1)) {
          if (place.endsWith('+')) continue;
          for (let choice = 1; choice < limit; choice++) {
            const run = new Following(new Map([...choices, [place, choice]]));
            yield run;
            if (departures < this.bound) next.push({ choices: run.made, asked: run.asked });
          }
        }
      }
      level = next;
    }
    this.complete = true;
  }
}
