/** Coroutines that block at once, with stackful/patch, without it, and as async functions: their time, and what a neighbour's HTTP sees. */

import type { Bench } from './support/bench.js';
import { measurePrograms } from './support/programs.js';

const name = 'patch';
const programs = {
  patched: ['subjects', 'patch.mjs'],
  unpatched: ['peers', 'patch-none.mjs'],
  promises: ['peers', 'patch-promises.mjs'],
} as const;

export default {
  name,
  summary: 'milliseconds of coroutines that block at once, with stackful/patch, without, and as async functions, and of their neighbours',
  options: {
    coroutines: 'how many block at once (64)',
    rounds: 'processes for each subject (3)',
    subjects: `a list of ${Object.keys(programs).join(', ')} (all)`,
  },
  run: (options) => measurePrograms(name, options, { programs, args: [options.number('coroutines', 64, 16)], rounds: 3 }),
} satisfies Bench;
