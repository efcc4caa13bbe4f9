/** Shortest remaining time first beside first in, first out: response times of jobs with heavy-tailed sizes, and of the largest of them. */

import { join } from 'node:path';
import { note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { measureRound, Samples } from './support/samples.js';

const name = 'srpt';

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const seconds = options.number('seconds', 10, 2);
  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    await measureRound(samples, [[process.execPath, join(benchDirectory, 'subjects', 'srpt.mjs')]], round, seconds);
  }
  return samples.rows();
}

export default {
  name,
  summary: 'mean response and slowdown under srpt and fifo, at loads of 0.7 and 0.95, of jobs with heavy-tailed sizes',
  options: {
    seconds: 'for how long jobs arrive in each run (10)',
    rounds: 'processes (3)',
  },
  run,
} satisfies Bench;
