import { Bounded } from './bounded.js';
import { Following, type Choices, type Place } from './schedule.js';

/** The most runs that shrinking a schedule takes. */
const MOST_RUNS = 500;
/** The most runs that look for fewer departures than a schedule has which cannot lose any. */
const MOST_MORE_RUNS = 1000;

/** Runs a schedule, and tells whether it failed in the same way. */
type Fails = (following: Following) => Promise<boolean>;

/**
 * Looks for a schedule with fewer departures that fails in the same way: delta debugging (Zeller and Hildebrandt, "Simplifying and
 * isolating failure-inducing input", 2002) over the set of departures, and then each one made smaller.
 */
export async function shrink(choices: Choices, fails: Fails): Promise<Choices> {
  let best = [...choices];
  let runs = 0;
  const attempt = async (some: [Place, number][]) => {
    if (runs++ >= MOST_RUNS) return false;
    const following = new Following(new Map(some));
    if (!await fails(following)) return false;
    // What it made may be fewer: some places were not asked for any more.
    const made = [...following.made];
    if (weight(made) >= weight(best)) return false;
    best = made;
    return true;
  };
  if (best.length > 0 && await attempt([])) return new Map(best);
  for (let parts = 2; best.length > 0; ) {
    const size = Math.ceil(best.length / parts);
    let less = false;
    for (let from = 0; from < best.length && !less; from += size) {
      less = await attempt(best.filter((_, i) => i < from || i >= from + size));
    }
    if (less) parts = Math.max(parts - 1, 2);
    else if (size === 1 || runs >= MOST_RUNS) break;
    else parts = Math.min(2 * parts, best.length);
  }
  for (let i = 0; i < best.length; i++) {
    for (let smaller = 1; smaller < (best[i]?.[1] ?? 0); smaller++) {
      if (await attempt(best.map(([place, choice], at): [Place, number] => [place, at === i ? smaller : choice]))) break;
    }
  }
  return new Map(best);
}

/** Looks for fewer departures among all schedules that have few, as far as that goes. */
export async function fewest(choices: Choices, fails: Fails): Promise<Choices> {
  if (choices.size < 2) return choices;
  let runs = 0;
  for (const following of new Bounded(choices.size - 1).directors()) {
    if (runs++ === MOST_MORE_RUNS) break;
    if (await fails(following)) return following.made;
  }
  return choices;
}

/** Fewer departures are lighter, and so are smaller ones among as many. */
function weight(choices: readonly [Place, number][]): number {
  return choices.length * 1e6 + choices.reduce((sum, [, choice]) => sum + choice, 0);
}

/** What two failures have in common that are of one kind: numbers in a message go on from run to run. */
export function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return code === 'ERR_DEADLOCK' ? code : `${error.name} ${String(code)} ${error.message.replaceAll(/\d+/g, '#')}`;
}
