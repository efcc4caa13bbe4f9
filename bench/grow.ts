/** Stacks that get deep once and are shallow afterwards: what they give back, and whether a switch costs the same. */

import { join } from 'node:path';
import { note, prepareSubjects, type Bench, type Row } from './support/bench.js';
import { benchDirectory, buildGo } from './support/cache.js';
import type { Options } from './support/options.js';
import { measureRound, Samples } from './support/samples.js';

const name = 'grow';

const SUBJECTS: Readonly<Record<string, () => Promise<string[]>>> = {
  stackful: async () => [process.execPath, '--expose-gc', join(benchDirectory, 'subjects', 'grow.mjs')],
  go: async () => [await buildGo('go-grow'), 'go'],
  'go-forced': async () => [await buildGo('go-grow'), 'go-forced'],
};

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const count = options.number('coroutines', 500);
  const kib = options.number('kib', 700);
  const commands = await prepareSubjects(options.choice('subjects', Object.keys(SUBJECTS)), (subject) =>
    SUBJECTS[subject]!(),
  );

  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}, ${count} stacks of ${kib} KiB`);
    await measureRound(samples, commands, round, count, kib);
  }
  return samples.rows();
}

export default {
  name,
  summary: 'memory of stacks that were deep once, and the cost of a switch before and after, beside goroutines',
  options: {
    coroutines: 'how many there are (500)',
    kib: 'how deep each gets, in KiB (700)',
    rounds: 'processes for each subject (3)',
    subjects: `a list of ${Object.keys(SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    { title: 'Memory one second after, against before', metric: 'rss_after_vs_before', label: 'ratio' },
    { title: 'A switch afterwards', metric: 'switch_after_ns', label: 'ns' },
  ],
  run,
} satisfies Bench;
