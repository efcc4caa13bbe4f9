/** Pauses for garbage collection with handlers parked: coroutines beside async functions. */

import type { Bench } from './support/bench.js';
import { measurePrograms } from './support/programs.js';

const name = 'gc';
const programs = { stackful: ['subjects', 'gc.mjs'], async: ['peers', 'gc-async.mjs'] } as const;

export default {
  name,
  summary: 'milliseconds of a minor and a full collection with handlers parked, beside async functions',
  options: {
    coroutines: 'how many are parked, a list (1000,100000; 1000000 works)',
    rounds: 'processes for each subject and number (3)',
    subjects: `a list of ${Object.keys(programs).join(', ')} (all)`,
  },
  figures: [
    { title: 'Minor collection', metric: 'minor_gc_ms', label: 'ms' },
    { title: 'Full collection', metric: 'full_gc_ms', label: 'ms' },
  ],
  run: (options) => measurePrograms(name, options, {
    programs,
    counts: options.numbers('coroutines', [1_000, 100_000], [1_000]),
    what: 'parked',
    flags: ['--expose-gc'],
    rounds: 3,
  }),
} satisfies Bench;
