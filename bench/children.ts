/** Microseconds to run a program and take what it writes: `execFile` beside that of node:child_process. */

import { join } from 'node:path';
import { BenchError, note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { measureRound, Samples } from './support/samples.js';

const name = 'children';

const SUBJECTS: Readonly<Record<string, string[]>> = {
  stackful: ['subjects', 'children.mjs'],
  node: ['peers', 'children-node.mjs'],
};

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 5, 1);
  const programs = options.number('programs', 1_000, 100);
  const counts = options.numbers('coroutines', [1, 50], [1, 50]);
  const commands = options.choice('subjects', Object.keys(SUBJECTS)).map((subject) => [
    process.execPath,
    join(benchDirectory, ...SUBJECTS[subject]!),
    String(programs),
  ]);
  if (commands.length === 0) throw new BenchError('no subject chosen');

  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    for (const count of counts) {
      note(`round ${round + 1}/${rounds}, ${count} at a time`);
      await measureRound(samples, commands, round, count);
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: "microseconds to run a program, beside node:child_process's execFile",
  options: {
    programs: 'how many are run in a round (1000)',
    coroutines: 'how many run at a time, a list (1,50)',
    rounds: 'processes for each subject and number (5)',
    subjects: `a list of ${Object.keys(SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    { title: 'A program', metric: 'exec_us', label: 'µs', x: 'coroutines' },
    { title: 'CPU of the caller', metric: 'exec_cpu_us', label: 'µs', x: 'coroutines' },
  ],
  run,
} satisfies Bench;
