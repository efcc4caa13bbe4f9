/** Nanoseconds for what the runtime adds to a parking call: timers, deadlines, promises; beside Node's own. */

import type { Bench } from './support/bench.js';
import { measurePrograms } from './support/programs.js';

const name = 'runtime';
const programs = { stackful: ['subjects', 'runtime.mjs'], node: ['peers', 'runtime-node.mjs'] } as const;

export default {
  name,
  summary: 'nanoseconds of timers with a million pending, a timeout around a call, waiting for a promise; beside Node',
  options: {
    timers: 'how many are pending (1000000)',
    calls: 'calls in a round of everything else (1000000)',
    rounds: 'processes for each subject (5)',
    subjects: `a list of ${Object.keys(programs).join(', ')} (all)`,
  },
  figures: [
    { title: 'A timer, of a million', metric: 'timer_insert_ns', label: 'ns' },
    { title: 'A time limit around a call', metric: 'timeout_scope_ns', label: 'ns' },
  ],
  run: (options) => measurePrograms(name, options, {
    programs,
    args: [options.number('timers', 1_000_000, 10_000), options.number('calls', 1_000_000, 20_000)],
  }),
} satisfies Bench;
