/** Microseconds to run a program and take what it writes: `execFile` beside that of node:child_process. */

import type { Bench } from './support/bench.js';
import { measurePrograms } from './support/programs.js';

const name = 'children';
const programs = { stackful: ['subjects', 'children.mjs'], node: ['peers', 'children-node.mjs'] } as const;

export default {
  name,
  summary: "microseconds to run a program, beside node:child_process's execFile",
  options: {
    programs: 'how many are run in a round (1000)',
    coroutines: 'how many run at a time, a list (1,50)',
    rounds: 'processes for each subject and number (5)',
    subjects: `a list of ${Object.keys(programs).join(', ')} (all)`,
  },
  figures: [
    { title: 'A program', metric: 'exec_us', label: 'µs', x: 'coroutines' },
    { title: 'CPU of the caller', metric: 'exec_cpu_us', label: 'µs', x: 'coroutines' },
  ],
  run: (options) => measurePrograms(name, options, {
    programs,
    args: [options.number('programs', 1_000, 100)],
    counts: options.numbers('coroutines', [1, 50], [1, 50]),
    what: 'at a time',
  }),
} satisfies Bench;
