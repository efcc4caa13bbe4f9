/** Microseconds of calls on files: stackful beside node:fs's sync forms, which hold the thread, and its promises. */

import { join } from 'node:path';
import { note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { interleave, measureRound, Samples } from './support/samples.js';

const name = 'fs';
const SUBJECTS = ['stackful', 'sync', 'promises'];

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 5, 1);
  const times = options.number('times', 50_000, 5_000);
  const subjects = options.choice('subjects', SUBJECTS);
  const samples = new Samples(name);
  const command = [process.execPath, join(benchDirectory, 'subjects', 'fs.mjs')];
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    // All in one process, which makes the files once.
    const order = interleave(subjects, round).join(',');
    await measureRound(samples, [command], round, times, order);
  }
  return samples.rows();
}

export default {
  name,
  summary: "microseconds of stat, readFile, readdir and others, beside node:fs's sync forms and promises",
  options: {
    times: 'stat calls in a round, and a part of it for the others (50000)',
    rounds: 'processes (5)',
    subjects: `a list of ${SUBJECTS.join(', ')} (all)`,
  },
  figures: [
    { title: 'stat', metric: 'stat_cpu_us', label: 'us of CPU' },
    { title: 'readFile, 1 MiB', metric: 'readFile_1m_cpu_us', label: 'us of CPU' },
    { title: 'readdir, 100 entries', metric: 'readdir_100_cpu_us', label: 'us of CPU' },
  ],
  run,
} satisfies Bench;
