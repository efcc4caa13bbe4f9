/** Nanoseconds to give way and come back: coroutines beside await, generators and goroutines. */

import { join } from 'node:path';
import { BenchError, note, Unavailable, type Bench, type Row } from './support/bench.js';
import { benchDirectory, buildGo } from './support/cache.js';
import type { Options } from './support/options.js';
import { measure } from './support/process.js';
import { interleave, Samples, type Sample } from './support/samples.js';

const name = 'switch';
/** These share one process, in this order. */
const IN_NODE = ['stackful', 'await', 'generator'];

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 5, 1);
  const times = options.number('times', 5_000_000, 500_000);
  const yields = options.number('yields', 2_000_000, 200_000);
  if (times < 100) throw new BenchError('--times: at least 100');
  if (yields < 10_000) throw new BenchError('--yields: at least 10000, one for each coroutine');
  const subjects = options.choice('subjects', [...IN_NODE, 'go']);
  const counts = [String(times), String(yields)];

  const commands: string[][] = [];
  const inNode = subjects.filter((subject) => IN_NODE.includes(subject));
  if (inNode.length > 0) {
    const script = join(benchDirectory, 'subjects', 'switch.mjs');
    commands.push([process.execPath, script, ...counts, inNode.join(',')]);
  }
  if (subjects.includes('go')) {
    try {
      commands.push([await buildGo('go-switch'), ...counts]);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      note(`skipped go: ${error.message}`);
    }
  }

  const results = new Map<string[], Sample[]>(commands.map((command) => [command, []]));
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    for (const command of interleave(commands, round)) {
      results.get(command)!.push(...(await measure<Sample[]>(command)));
    }
  }
  const samples = new Samples(name);
  for (const series of results.values()) series.forEach((sample) => samples.add(sample));
  return samples.rows();
}

export default {
  name,
  summary: 'nanoseconds to resume and park, yield in turn, spawn and finish, beside await, generators and Go',
  options: {
    times: 'resume and park pairs in a round; a tenth of it spawns (5000000)',
    yields: 'yields in a round, shared by 10, 1,000 and 10,000 coroutines (2000000)',
    rounds: 'processes of each kind (5)',
    subjects: `a list of ${[...IN_NODE, 'go'].join(', ')} (all)`,
  },
  figures: [
    { title: 'Resume and give way', metric: 'resume_yield_ns', label: 'ns' },
    { title: 'Give way in turn', metric: 'yield_round_robin_ns', label: 'ns a turn', x: 'coroutines' },
  ],
  run,
} satisfies Bench;
