/** What a bench is: one file `bench/<name>.ts` whose default export is a {@link Bench}. */

import type { Options } from './options.js';

/**
 * One published number. The first five fields are always there; a bench that measures at several load points
 * adds the point as a field of its own (`connections` in http, `coroutines` in switch and park).
 */
export interface Row {
  bench: string;
  subject: string;
  metric: string;
  value: number;
  unit: string;
  [point: string]: string | number;
}

/** How a result is drawn: a line for each subject over the load points, or bars where `x` is not given. */
export interface Figure {
  readonly title: string;
  readonly metric: string;
  /** What the vertical axis shows. */
  readonly label: string;
  /** The load point along the horizontal axis, which is logarithmic. */
  readonly x?: string;
  readonly xLabel?: string;
  readonly logarithmic?: boolean;
}

export interface Bench {
  /** The word after `npm run bench --`. */
  readonly name: string;
  /** One line for the list of benches. */
  readonly summary: string;
  /** Option name to help text; an option that is not here is refused. */
  readonly options: Readonly<Record<string, string>>;
  /** The drawing: one panel each, side by side. */
  readonly figures?: readonly Figure[];
  run(options: Options): Promise<Row[]>;
}

/** The chosen subjects that can run here, prepared; the others are named. */
export async function prepareSubjects<T>(
  names: readonly string[],
  prepare: (name: string) => Promise<T>,
): Promise<T[]> {
  const ready: T[] = [];
  for (const name of names) {
    try {
      ready.push(await prepare(name));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      note(`skipped ${name}: ${error.message}`);
    }
  }
  if (ready.length === 0) throw new BenchError('none of the chosen subjects can run here');
  return ready;
}

/** The bench cannot give an honest answer; its message is all the user needs, without a stack trace. */
export class BenchError extends Error {
  override name = 'BenchError';
}

/**
 * One peer cannot run here (a tool is missing, another Node is needed): it is left out, the bench goes on.
 */
export class Unavailable extends Error {
  override name = 'Unavailable';
}

/** Progress goes to stderr, because stdout holds nothing but the result. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
