/** Messages between worker threads: `SharedChannel` beside `MessagePort` and Go's channels. */

import { join } from 'node:path';
import { BenchError, note, prepareSubjects, type Bench, type Row } from './support/bench.js';
import { benchDirectory, buildGo } from './support/cache.js';
import type { Options } from './support/options.js';
import { run as runCommand } from './support/process.js';
import { interleave, Samples, type Sample } from './support/samples.js';

const name = 'channels';
const SUBJECTS = ['stackful', 'message-port', 'go'];

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 5, 1);
  const times = options.number('times', 1_000_000, 200_000);
  if (times < 1000) throw new BenchError('--times: at least 1000');
  const commands = await prepareSubjects(options.choice('subjects', SUBJECTS), async (subject) => {
    if (subject === 'go') return [await buildGo('go-channels'), String(times)];
    return [process.execPath, join(benchDirectory, 'subjects', 'channels.mjs'), String(times), subject];
  });
  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    for (const command of interleave(commands, round)) {
      // On all cores: it is what threads are for.
      for (const sample of JSON.parse(await runCommand(command)) as Sample[]) samples.add(sample);
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'nanoseconds a message from one worker thread to another, beside MessagePort and Go',
  options: {
    times: 'numbers and texts in a round; a quarter as many objects and KiB (1000000)',
    rounds: 'processes of each kind (5)',
    subjects: `a list of ${SUBJECTS.join(', ')} (all)`,
  },
  figures: [
    { title: 'A number to another thread', metric: 'number_ns', label: 'ns' },
    { title: 'There and back', metric: 'there_and_back_ns', label: 'ns' },
  ],
  run,
} satisfies Bench;
