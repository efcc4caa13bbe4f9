/**
 * Microseconds to look up a name: many coroutines that ask for the same one, and one that asks again and again, beside
 * node:dns and its promises. No packet leaves the machine: the name is in /etc/hosts.
 */

import { join } from 'node:path';
import { BenchError, note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { measureRound, Samples } from './support/samples.js';

const name = 'dns';

const SUBJECTS: Readonly<Record<string, string[]>> = {
  stackful: ['subjects', 'dns.mjs'],
  promises: ['peers', 'dns-node.mjs'],
};

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 5, 1);
  const lookups = options.number('lookups', 10_000, 1_000);
  const counts = options.numbers('coroutines', [1, 100, 10_000], [1, 1_000]);
  const commands = options.choice('subjects', Object.keys(SUBJECTS)).map((subject) => [
    process.execPath,
    join(benchDirectory, ...SUBJECTS[subject]!),
    String(lookups),
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
  summary: "microseconds to look up a name, beside node:dns's promises",
  options: {
    lookups: 'how many are made in a round (10000)',
    coroutines: 'how many ask at a time, a list (1,100,10000)',
    rounds: 'processes for each subject and number (5)',
    subjects: `a list of ${Object.keys(SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    { title: 'A lookup', metric: 'lookup_us', label: 'µs', x: 'coroutines' },
    { title: 'CPU', metric: 'lookup_cpu_us', label: 'µs', x: 'coroutines' },
  ],
  run,
} satisfies Bench;
