/** Memory held by handlers that wait: six frames deep in coroutines, async functions and goroutines. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { note, prepareSubjects, type Bench, type Row } from './support/bench.js';
import { benchDirectory, buildGo } from './support/cache.js';
import type { Options } from './support/options.js';
import { measureRound, Samples } from './support/samples.js';

const name = 'park';

const node = (...file: string[]) => [process.execPath, '--expose-gc', join(benchDirectory, ...file)];

const SUBJECTS: Readonly<Record<string, () => Promise<string[]>>> = {
  stackful: async () => node('subjects', 'park.mjs'),
  async: async () => node('peers', 'park-async.mjs'),
  go: async () => [await buildGo('go-park')],
};

/** A million handlers are measured once: memory does not vary between processes, and it takes a minute. */
const MANY = 1_000_000;
const GENEROUS_BYTES_PER_HANDLER = 8000;

/** What the system can still give without swapping. */
function availableBytes(): number {
  return Number(/^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'latin1'))![1]) * 1024;
}

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const counts = options.numbers('coroutines', [10_000, 100_000, MANY]);
  const commands = await prepareSubjects(options.choice('subjects', Object.keys(SUBJECTS)), (subject) =>
    SUBJECTS[subject]!(),
  );

  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    for (const count of counts) {
      if (count >= MANY && round > 0) continue;
      if (count * GENEROUS_BYTES_PER_HANDLER > availableBytes()) {
        note(`skipped ${count} handlers: there is no memory for them`);
        continue;
      }
      note(`round ${round + 1}/${rounds}, ${count} parked`);
      await measureRound(samples, commands, round, count);
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'bytes of memory per parked handler of six frames, beside async functions and goroutines',
  options: {
    coroutines: 'how many are parked, a list (10000,100000,1000000)',
    rounds: 'processes for each subject and number (3; 1 for a million)',
    subjects: `a list of ${Object.keys(SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    { title: 'Memory of a parked handler', metric: 'rss_bytes_per_coroutine', label: 'bytes resident' },
    { title: 'of it in the JavaScript heap', metric: 'heap_bytes_per_coroutine', label: 'bytes' },
  ],
  run,
} satisfies Bench;
