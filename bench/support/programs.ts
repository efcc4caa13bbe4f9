/** Benches whose subjects are programs that print what they measured. */

import { join } from 'node:path';
import { BenchError, note, type Row } from './bench.js';
import { benchDirectory } from './cache.js';
import type { Options } from './options.js';
import { measureRound, Samples } from './samples.js';

/** A Node program of the bench directory, by its folder and name. */
type Programs = Readonly<Record<string, readonly [folder: string, file: string]>>;

interface Plan {
  programs: Programs;
  /** What each is given. */
  args?: readonly unknown[];
  /** What is behind that, one after the other, and the name of such a count in the notes. */
  counts?: readonly number[];
  what?: string;
  /** Of Node. */
  flags?: readonly string[];
  /** Unless the option says otherwise. */
  rounds?: number;
}

/** Runs the chosen programs in turn, for each of the counts, as many rounds as wanted; the medians. */
export async function measurePrograms(bench: string, options: Options, plan: Plan): Promise<Row[]> {
  const { programs, args = [], counts = [undefined], what = '', flags = [] } = plan;
  const rounds = options.number('rounds', plan.rounds ?? 5, 1);
  const commands = options.choice('subjects', Object.keys(programs)).map((subject) =>
    [process.execPath, ...flags, join(benchDirectory, ...programs[subject]!), ...args.map(String)]);
  if (commands.length === 0) throw new BenchError('no subject chosen');
  const samples = new Samples(bench);
  for (let round = 0; round < rounds; round++) {
    for (const count of counts) {
      note(`round ${round + 1}/${rounds}${count === undefined ? '' : `, ${count} ${what}`}`);
      await measureRound(samples, commands, round, ...(count === undefined ? [] : [count]));
    }
  }
  return samples.rows();
}
