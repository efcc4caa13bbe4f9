/** Nanoseconds for what the runtime adds to a parking call: timers, deadlines, promises; beside Node's own. */

import { join } from 'node:path';
import { BenchError, note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { measureRound, Samples } from './support/samples.js';

const name = 'runtime';

const SUBJECTS: Readonly<Record<string, string[]>> = {
  stackful: ['subjects', 'runtime.mjs'],
  node: ['peers', 'runtime-node.mjs'],
};

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 5, 1);
  const pending = options.number('timers', 1_000_000, 10_000);
  const calls = options.number('calls', 1_000_000, 20_000);
  const commands = options.choice('subjects', Object.keys(SUBJECTS)).map((subject) => [
    process.execPath,
    join(benchDirectory, ...SUBJECTS[subject]!),
    String(pending),
    String(calls),
  ]);
  if (commands.length === 0) throw new BenchError('no subject chosen');

  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    await measureRound(samples, commands, round);
  }
  return samples.rows();
}

export default {
  name,
  summary: 'nanoseconds of timers with a million pending, a timeout around a call, waiting for a promise; beside Node',
  options: {
    timers: 'how many are pending (1000000)',
    calls: 'calls in a round of everything else (1000000)',
    rounds: 'processes for each subject (5)',
    subjects: `a list of ${Object.keys(SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    { title: 'A timer, of a million', metric: 'timer_insert_ns', label: 'ns' },
    { title: 'A time limit around a call', metric: 'timeout_scope_ns', label: 'ns' },
  ],
  run,
} satisfies Bench;
