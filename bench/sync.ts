/** Nanoseconds for locks, channels and select: coroutines beside Go and beside promises. */

import { join } from 'node:path';
import { BenchError, note, Unavailable, type Bench, type Row } from './support/bench.js';
import { benchDirectory, buildGo, installNpm } from './support/cache.js';
import type { Options } from './support/options.js';
import { measure } from './support/process.js';
import { interleave, Samples, type Sample } from './support/samples.js';

const name = 'sync';
const SUBJECTS = ['stackful', 'async', 'go'];
const ASYNC_MUTEX = '0.5.0';

async function command(subject: string, times: string): Promise<string[]> {
  if (subject === 'go') return [await buildGo('go-sync'), times];
  const script = [process.execPath, join(benchDirectory, 'subjects', 'sync.mjs'), times, subject];
  return subject === 'async' ? [...script, await installNpm('async-mutex', ASYNC_MUTEX)] : script;
}

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 5, 1);
  const times = options.number('times', 1_000_000, 100_000);
  if (times < 1000) throw new BenchError('--times: at least 1000');
  const commands: string[][] = [];
  for (const subject of options.choice('subjects', SUBJECTS)) {
    try {
      commands.push(await command(subject, String(times)));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      note(`skipped ${subject}: ${error.message}`);
    }
  }
  const samples = new Samples(name);
  const results = new Map<string[], Sample[]>(commands.map((one) => [one, []]));
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    for (const one of interleave(commands, round)) results.get(one)!.push(...(await measure<Sample[]>(one)));
  }
  for (const series of results.values()) series.forEach((sample) => samples.add(sample));
  return samples.rows();
}

export default {
  name,
  summary: 'nanoseconds for mutex, channel ping-pong and select, beside Go and promises',
  options: {
    times: 'round trips on a channel in a round; four times as many uncontended locks (1000000)',
    rounds: 'processes of each kind (5)',
    subjects: `a list of ${SUBJECTS.join(', ')} (all)`,
  },
  figures: [
    { title: 'Mutex', metric: 'mutex_uncontended_ns', label: 'ns' },
    { title: 'There and back on channels', metric: 'channel_ping_pong_ns', label: 'ns' },
    { title: 'Select', metric: 'select_ns', label: 'ns', x: 'channels' },
  ],
  run,
} satisfies Bench;
