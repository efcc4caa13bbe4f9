/** Pauses for garbage collection with handlers parked: coroutines beside async functions. */

import { join } from 'node:path';
import { BenchError, note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { measureRound, Samples } from './support/samples.js';

const name = 'gc';

const SUBJECTS: Readonly<Record<string, string[]>> = {
  stackful: ['subjects', 'gc.mjs'],
  async: ['peers', 'gc-async.mjs'],
};

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const counts = options.numbers('coroutines', [1_000, 100_000], [1_000]);
  const commands = options.choice('subjects', Object.keys(SUBJECTS)).map((subject) => [
    process.execPath,
    '--expose-gc',
    join(benchDirectory, ...SUBJECTS[subject]!),
  ]);
  if (commands.length === 0) throw new BenchError('no subject chosen');

  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    for (const count of counts) {
      note(`round ${round + 1}/${rounds}, ${count} parked`);
      await measureRound(samples, commands, round, count);
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'milliseconds of a minor and a full collection with handlers parked, beside async functions',
  options: {
    coroutines: 'how many are parked, a list (1000,100000; 1000000 works)',
    rounds: 'processes for each subject and number (3)',
    subjects: `a list of ${Object.keys(SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    { title: 'Minor collection', metric: 'minor_gc_ms', label: 'ms' },
    { title: 'Full collection', metric: 'full_gc_ms', label: 'ms' },
  ],
  run,
} satisfies Bench;
