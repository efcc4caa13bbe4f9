/** Soft timers: how late they are on an idle thread and in a busy server, what an event costs, how well pacers keep their rates. */

import { join } from 'node:path';
import { note, type Bench, type Row } from './support/bench.js';
import { benchDirectory, buildC } from './support/cache.js';
import type { Options } from './support/options.js';
import { LOAD_CORE, measure, pinned, SUBJECT_CORE } from './support/process.js';
import { interleave, Samples, type Sample } from './support/samples.js';

const name = 'soft-timers';

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const ms = options.number('milliseconds', 1000, 200);
  const connections = options.number('connections', 32);
  const load = [await buildC('load'), 'PORT', connections, '0.3', '3600', '0', '1', 'GET', '/*1000'].map(String);
  const commands = [
    pinned(SUBJECT_CORE, [process.execPath, join(benchDirectory, 'subjects', 'soft-timers.mjs'), String(ms), ...pinned(LOAD_CORE, load)]),
    pinned(SUBJECT_CORE, [await buildC('timer-events'), String(ms)]),
  ];
  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    for (const command of interleave(commands, round)) (await measure<Sample[]>(command)).forEach((sample) => samples.add(sample));
  }
  return samples.rows();
}

export default {
  name,
  summary: "how late soft timers are, idle and in a busy server, what one costs beside setitimer and timerfd, how well a Pacer keeps rates",
  options: {
    milliseconds: 'how long each experiment takes (1000)',
    connections: 'of the load on the server (32)',
    rounds: 'processes of each kind (3)',
  },
  figures: [
    { title: 'Lateness, median', metric: 'late_p50_us', label: 'us', x: 'microseconds', xLabel: 'delay in us', logarithmic: true },
    { title: 'Lateness, 99 %', metric: 'late_p99_us', label: 'us', x: 'microseconds', xLabel: 'delay in us', logarithmic: true },
  ],
  run,
} satisfies Bench;
