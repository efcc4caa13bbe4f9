/** Figure 2 of the paper: reads of a cached file by threads that were made beforehand, against their number. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { note, prepareSubjects, type Bench, type Row } from './support/bench.js';
import { benchDirectory, buildC, buildGo, cacheDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { measure } from './support/process.js';
import { interleave, Samples, type Sample } from './support/samples.js';

const name = 'threads';
/** All of it stays in a second-level cache: what is measured is the call, not the memory. */
const FILE_BYTES = 1 << 20;

interface Subject {
  readonly name: string;
  readonly command: readonly string[];
  /** The word that makes it give way after each request. */
  readonly mode: readonly string[];
  readonly most: number;
}

interface Kind {
  readonly command: () => Promise<string[]>;
  readonly switching?: boolean;
  /** More threads than that take too long, or more memory than they are worth. */
  readonly most: number;
}

const node = (...file: string[]): (() => Promise<string[]>) => {
  return async () => [process.execPath, join(benchDirectory, ...file)];
};
const go = async (): Promise<string[]> => [await buildGo('go-threads')];
const PTH = { header: 'pth.h', flag: '-lpth', package: 'libpth-dev' };
const ST = { header: 'st.h', flag: '-lst', package: 'libst-dev' };

const SUBJECTS: Readonly<Record<string, Kind>> = {
  stackful: { command: node('subjects', 'threads.mjs'), most: 1_000_000 },
  'stackful-switching': { command: node('subjects', 'threads.mjs'), switching: true, most: 1_000_000 },
  events: { command: node('subjects', 'threads-events.mjs'), most: 1_000_000 },
  async: { command: node('peers', 'threads-async.mjs'), most: 100_000 },
  go: { command: go, most: 1_000_000 },
  'go-switching': { command: go, switching: true, most: 1_000_000 },
  // Each switch looks at every thread: a thousand reads a second at 10,000.
  'pth-switching': { command: async () => [await buildC('pth-threads', PTH)], most: 10_000 },
  'st-switching': { command: async () => [await buildC('st-threads', ST)], most: 10_000 },
};

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const seconds = options.number('milliseconds', 1000, 300) / 1000;
  const all = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
  const counts = options.numbers('threads', all, all.slice(0, -1));
  const subjects = await prepareSubjects(options.choice('subjects', Object.keys(SUBJECTS)), async (subject) => {
    const { command, switching, most } = SUBJECTS[subject]!;
    const mode = switching === true ? ['switch'] : [];
    return { name: subject, command: await command(), mode, most } satisfies Subject;
  });
  const file = join(cacheDirectory(), 'cached-file');
  writeFileSync(file, Buffer.alloc(FILE_BYTES, 'stackful'));

  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    for (const count of counts) {
      const figures: string[] = [];
      for (const subject of interleave(subjects, round)) {
        if (count > subject.most) continue;
        const work = [...subject.command, file, String(count), String(seconds), ...subject.mode];
        const sample = await measure<Sample>(work);
        samples.add(sample);
        figures.push(`${sample.subject} ${Math.round(sample.value / 1000)}k`);
      }
      note(`round ${round + 1}/${rounds}, ${count} threads: ${figures.join(', ')}`);
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'figure 2: 8 KiB reads a second against the number of threads, beside events, async and other threads',
  options: {
    threads: 'how many, a list (1,10,...,1000000)',
    milliseconds: 'length of a measured window (1000)',
    rounds: 'processes for each subject and number (3)',
    subjects: `a list of ${Object.keys(SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    {
      title: 'Reads of 8 KiB from a cached file, one core',
      metric: 'reads_per_s',
      label: 'reads a second',
      x: 'threads',
    },
  ],
  run,
} satisfies Bench;
