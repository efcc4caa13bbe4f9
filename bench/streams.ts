/**
 * Microseconds a line that a Reader finds in a file, and a MiB that flows between files through a stream, beside what Node has
 * for both.
 */

import { join } from 'node:path';
import { BenchError, note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { measureRound, Samples } from './support/samples.js';

const name = 'streams';

const SUBJECTS: Readonly<Record<string, string[]>> = {
  stackful: ['subjects', 'streams.mjs'],
  node: ['peers', 'streams-node.mjs'],
};

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 5, 1);
  const mebibytes = options.number('mebibytes', 64, 8);
  const commands = options.choice('subjects', Object.keys(SUBJECTS)).map((subject) => [
    process.execPath,
    join(benchDirectory, ...SUBJECTS[subject]!),
  ]);
  if (commands.length === 0) throw new BenchError('no subject chosen');

  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    await measureRound(samples, commands, round, mebibytes);
  }
  return samples.rows();
}

export default {
  name,
  summary: 'microseconds a line of a file, and a MiB through a stream, beside node:readline and node:stream',
  options: {
    mebibytes: 'the size of the file (64)',
    rounds: 'processes for each subject (5)',
    subjects: `a list of ${Object.keys(SUBJECTS).join(', ')} (all)`,
  },
  figures: [],
  run,
} satisfies Bench;
