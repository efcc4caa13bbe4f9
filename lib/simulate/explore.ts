import { AccessLog } from './accesses.js';
import { Bounded } from './bounded.js';
import type { CheckedOptions, Exploration, Simulated } from './options.js';
import { PartialOrder } from './partial_order.js';
import { Run, type Terms } from './run.js';
import type { Choices, Director } from './schedule.js';

/** A run that an exploration ended with. */
export interface Found {
  readonly error: unknown;
  readonly faults: readonly string[];
  readonly choices: Choices;
}

/** Runs `fn` under one schedule after the other, until one fails. */
export async function explore<R>(
  fn: (simulated: Simulated) => R,
  terms: Terms,
  { bound, declared, maxRuns }: NonNullable<CheckedOptions['explore']>,
): Promise<{ found: Found | undefined; exploration: Exploration }> {
  let runs = 0;
  let longest = 0;
  const ran = async (director: Director, log?: AccessLog) => {
    let turns = 0;
    runs++;
    const run = new Run(fn, terms, director, {
      begins() { turns++; },
      touched(what, change) { log?.touch(what, change); },
      drew() { log?.drew(); },
    });
    const ended = await run.end();
    longest = Math.max(longest, turns);
    return { ...ended, faults: run.faults };
  };
  const done = (complete: boolean, found?: Found) => ({ found, exploration: { runs, complete, longest } });

  if (bound !== Infinity) {
    const bounded = new Bounded(bound);
    for (const director of bounded.directors()) {
      if (runs === maxRuns) return done(false);
      const ended = await ran(director);
      if (ended.failed) return done(false, { error: ended.error, faults: ended.faults, choices: director.made });
    }
    return done(bounded.complete);
  }
  const log = new AccessLog(declared);
  const order = new PartialOrder(log);
  log.begin();
  try {
    do {
      if (runs === maxRuns) return done(false);
      order.beginRun();
      const ended = await ran(order, log);
      if (ended.failed) return done(false, { error: ended.error, faults: ended.faults, choices: order.choices });
    } while (order.next());
    return done(true);
  } finally {
    log.end();
  }
}
