import { conflict, type Accesses } from './accesses.js';

/** A turn of a run. */
export interface Turn {
  /** The number of the coroutine. */
  readonly runs: number;
  /** The turn that made it ready; -1: time did, or the beginning of the run. */
  readonly waker: number;
  /** How often time had passed before. */
  readonly epoch: number;
  readonly touched: Accesses;
}

/** Two turns that affect each other and could change places. */
export interface Race {
  readonly earlier: number;
  readonly later: number;
  /** The coroutines that may have to go instead of the earlier turn, for the later turn to come before it. */
  readonly initials: readonly number[];
}

/** For each coroutine, the number behind the last of its turns that happens before. */
type Clock = number[];

function join(into: Clock, from: Clock): void {
  for (let i = 0; i < from.length; i++) if ((from[i] ?? 0) > (into[i] ?? 0)) into[i] = from[i]!;
}

/**
 * The races of a run between which no third turn stands that would have to stay between them. One turn happens before another when
 * both are of one coroutine, when it has made the other ready, when time has passed in between, when they touch the same in a way
 * that conflicts, and when there is a chain of such turns: vector clocks (Mattern 1989).
 */
export function immediateRaces(turns: readonly Turn[]): Race[] {
  const clocks: Clock[] = [];
  const races: [earlier: number, later: number][] = [];
  const lastOf = new Map<number, number>();
  let epoch = 0;
  let first = 0;
  let past: Clock = [];
  const before = (j: number, clock: Clock) => (clock[turns[j]!.runs] ?? 0) > j;

  turns.forEach((turn, i) => {
    if (turn.epoch !== epoch) {
      past = past.slice();
      for (; first < i; first++) join(past, clocks[first]!);
      epoch = turn.epoch;
    }
    const clock = past.slice();
    for (const j of [lastOf.get(turn.runs), turn.waker]) if (j !== undefined && j >= 0) join(clock, clocks[j]!);
    for (let j = i - 1; j >= first; j--) {
      if (before(j, clock) || !conflict(turns[j]!.touched, turn.touched)) continue;
      races.push([j, i]);
      join(clock, clocks[j]!);
    }
    clock[turn.runs] = i + 1;
    clocks.push(clock);
    lastOf.set(turn.runs, i);
  });
  return races.map(([earlier, later]) => ({ earlier, later, initials: initials(earlier, later) }));

  /**
   * Of the turns behind `j` that need neither it nor `i`: the coroutines whose first turn needs no other of these; and that of `i`.
   *
   * What turn `i` does when `j` has not been before it is not known, because turns are more than one step: one that finds a lock
   * free does all that the lock protects. So each of those turns may have to come before it. Taking only those that the turn as it
   * was depends on, as is right for single steps, misses schedules; test/simulate/partial_order.test.ts has found some.
   */
  function initials(j: number, i: number): number[] {
    const seen = new Set<number>();
    const found = new Set([turns[i]!.runs]);
    const those: number[] = [];
    for (let k = j + 1; k < turns.length && turns[k]!.epoch === turns[i]!.epoch; k++) {
      const clock = clocks[k]!;
      if (before(j, clock) || before(i, clock)) continue;
      const { runs } = turns[k]!;
      if (!seen.has(runs) && !those.some((m) => before(m, clock))) found.add(runs);
      seen.add(runs);
      those.push(k);
    }
    return [...found];
  }
}
