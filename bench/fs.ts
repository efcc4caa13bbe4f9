/** Microseconds of calls on files: stackful beside node:fs's sync forms, which hold the thread, and its promises. */

import { join } from 'node:path';
import { note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { measure } from './support/process.js';
import { Samples, type Sample } from './support/samples.js';

const name = 'fs';
const SUBJECTS = ['stackful', 'sync', 'promises'];

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 5, 1);
  const times = options.number('times', 50_000, 5_000);
  const subjects = options.choice('subjects', SUBJECTS);
  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    const order = round % 2 === 0 ? subjects : [...subjects].reverse();
    const command = [process.execPath, join(benchDirectory, 'subjects', 'fs.mjs'), String(times), order.join(',')];
    for (const sample of await measure<Sample[]>(command)) samples.add(sample);
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
