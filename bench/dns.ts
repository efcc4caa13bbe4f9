/**
 * Microseconds to look up a name: many coroutines that ask for the same one, and one that asks again and again, beside
 * node:dns and its promises. No packet leaves the machine: the name is in /etc/hosts.
 */

import type { Bench } from './support/bench.js';
import { measurePrograms } from './support/programs.js';

const name = 'dns';
const programs = { stackful: ['subjects', 'dns.mjs'], promises: ['peers', 'dns-node.mjs'] } as const;

export default {
  name,
  summary: "microseconds to look up a name, beside node:dns's promises",
  options: {
    lookups: 'how many are made in a round (10000)',
    coroutines: 'how many ask at a time, a list (1,100,10000)',
    rounds: 'processes for each subject and number (5)',
    subjects: `a list of ${Object.keys(programs).join(', ')} (all)`,
  },
  figures: [
    { title: 'A lookup', metric: 'lookup_us', label: 'µs', x: 'coroutines' },
    { title: 'CPU', metric: 'lookup_cpu_us', label: 'µs', x: 'coroutines' },
  ],
  run: (options) => measurePrograms(name, options, {
    programs,
    args: [options.number('lookups', 10_000, 1_000)],
    counts: options.numbers('coroutines', [1, 100, 10_000], [1, 1_000]),
    what: 'at a time',
  }),
} satisfies Bench;
