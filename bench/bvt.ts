/** Borrowed virtual time beside first in, first out: shares by weight, how soon one that warps runs, what one gets that abuses it. */

import { join } from 'node:path';
import { note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { measureRound, Samples } from './support/samples.js';

const name = 'bvt';

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const seconds = options.number('seconds', 1, 0.3);
  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    await measureRound(samples, [[process.execPath, join(benchDirectory, 'subjects', 'bvt.mjs')]], round, seconds);
  }
  return samples.rows();
}

export default {
  name,
  summary: 'the policy bvt beside fifo: error of shares and lateness of a sleeper in time slices, and what a greedy coroutine gets',
  options: {
    seconds: 'how long each experiment takes (1)',
    rounds: 'processes (3)',
  },
  run,
} satisfies Bench;
