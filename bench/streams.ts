/**
 * Microseconds a line that a Reader finds in a file, and a MiB that flows between files through a stream, beside what Node has
 * for both.
 */

import type { Bench } from './support/bench.js';
import { measurePrograms } from './support/programs.js';

const name = 'streams';
const programs = { stackful: ['subjects', 'streams.mjs'], node: ['peers', 'streams-node.mjs'] } as const;

export default {
  name,
  summary: 'microseconds a line of a file, and a MiB through a stream, beside node:readline and node:stream',
  options: {
    mebibytes: 'the size of the file (64)',
    rounds: 'processes for each subject (5)',
    subjects: `a list of ${Object.keys(programs).join(', ')} (all)`,
  },
  figures: [],
  run: (options) => measurePrograms(name, options, { programs, args: [options.number('mebibytes', 64, 8)] }),
} satisfies Bench;
