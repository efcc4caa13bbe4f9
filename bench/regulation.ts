/** Low importance: what a background costs the foreground, regulated by its progress and not, and what it uses of an idle machine. */

import { join } from 'node:path';
import { note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { measureRound, Samples } from './support/samples.js';

const name = 'regulation';

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const seconds = options.number('seconds', 20, 3);
  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    await measureRound(samples, [[process.execPath, join(benchDirectory, 'subjects', 'regulation.mjs')]], round, seconds);
  }
  return samples.rows();
}

export default {
  name,
  summary: 'slowdown of requests by a background, regulated by its progress and not, and what it uses of an idle machine',
  options: {
    seconds: 'how long each experiment takes (20)',
    rounds: 'processes (3)',
  },
  run,
} satisfies Bench;
