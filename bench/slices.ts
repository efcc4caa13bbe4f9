/** How long small requests wait while another handler computes: Knot without time slices, and with some. */

import { join } from 'node:path';
import { note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { run as execute } from './support/process.js';
import { interleave, Samples, type Sample } from './support/samples.js';

const name = 'slices';

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3);
  const seconds = options.number('seconds', 1);
  const slices = options.numbers('slices', [0, 5, 10]);
  const script = join(benchDirectory, 'subjects', 'slices.mjs');
  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    for (const slice of interleave(slices, round)) {
      // Not pinned: the client runs on the other core.
      const output = await execute([process.execPath, script, String(slice), String(seconds)]);
      (JSON.parse(output) as Sample[]).forEach((sample) => samples.add(sample));
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'milliseconds that small requests wait while another handler computes, by time slice',
  options: {
    slices: 'time slices in ms, a list; 0 is none (0,5,10)',
    seconds: 'how long the other handler computes (1)',
    rounds: 'processes for each slice (3)',
  },
  run,
} satisfies Bench;
