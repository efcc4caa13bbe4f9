/** Overload whose bottleneck moves: from the processor to the pool of threads to memory. Called by ../overload.ts. */

import { join } from 'node:path';
import { BenchError, note, type Row } from './bench.js';
import { benchDirectory } from './cache.js';
import type { Phase } from './open_loop.js';
import type { Options } from './options.js';
import { LOAD_CORE, pinned, run as runCommand } from './process.js';
import { interleave, median, Samples } from './samples.js';
import { startServer } from './server.js';

const CONNECTIONS = 4000;
/** What a client waits for an answer, in milliseconds. */
const TIMEOUT_MS = 1000;
/** Less than half of it goes to what is needed besides. */
const HEAP_MB = 256;
const LIMITS = [4, 8, 16, 32, 48, 64, 80, 96, 128];
/** Limits of each route: cpu, device, memory. */
const ROUTES = ['4-16-60', '16-32-60', '32-48-68'];
const WARM_UP = ['40:3:cpu=2,device=2,memory=1'];

/** What is asked for, of which one thing is asked for about twice as often as it can be done on one core. */
const PHASES: Readonly<Record<string, { rate: number; mix: string }>> = {
  cpu: { rate: 2400, mix: 'cpu=90,device=7,memory=3' },
  device: { rate: 1100, mix: 'cpu=10,device=85,memory=5' },
  memory: { rate: 400, mix: 'cpu=15,device=10,memory=75' },
};

async function phasesOf(generator: string, port: number, phases: readonly string[]): Promise<Phase[]> {
  const command = [generator, String(port), String(TIMEOUT_MS), String(CONNECTIONS), ...phases];
  return (JSON.parse(await runCommand(pinned(LOAD_CORE, command))) as { phases: Phase[] }).phases;
}

/** Answers in time a second, in each phase. */
async function goodputs(subject: string, generator: string, seconds: number): Promise<number[]> {
  const kind = subject.replace(/^(limit|routes)-/, '');
  const command = [process.execPath, `--max-old-space-size=${HEAP_MB}`, join(benchDirectory, 'subjects/knot-mixed.mjs')];
  const server = await startServer(subject, (port) => [...command, String(port), kind]);
  try {
    await phasesOf(generator, server.port, WARM_UP);
    const phases = await phasesOf(generator, server.port, Object.values(PHASES).map(({ rate, mix }) => `${rate}:${seconds}:${mix}`));
    Object.keys(PHASES).forEach((name, i) => {
      const { due, ok, refused, timeout, error, unsent, p99, paths } = phases[i]!;
      if (ok + refused + timeout + error + unsent !== due) throw new BenchError(`${subject}: requests were lost in the count`);
      const each = Object.entries(paths).map(([path, [asked, answered]]) => `${path} ${answered} of ${asked}`).join(', ');
      note(`${subject} ${name}: ${due} due, ${ok} ok (${each}), ${refused} refused, ${timeout} too late, ${error} errors, ` +
        `${unsent} unsent; p99 ${(p99 * 1000).toFixed(0)} ms`);
    });
    return phases.map(({ ok }) => ok / seconds);
  } finally {
    await server.stop();
  }
}

export async function runMixed(options: Options, generator: string): Promise<Row[]> {
  const seconds = options.number('seconds', 5);
  const rounds = options.number('rounds', 1);
  const limits = options.numbers('limits', LIMITS).map((limit) => `limit-${limit}`);
  const perRoute = options.choice('routes', ROUTES).map((three) => `routes-${three}`);
  const samples = new Samples('overload');
  const names = Object.keys(PHASES);
  const all = new Map<string, number[][]>();
  for (let round = 0; round < rounds; round++) {
    for (const subject of interleave(['admission', 'none', ...limits, ...perRoute], round)) {
      const found = await goodputs(subject, generator, seconds);
      all.set(subject, [...(all.get(subject) ?? []), found]);
      names.forEach((name, i) => samples.add({ subject: `${subject}, ${name}`, metric: 'goodput_per_s', value: found[i]!, unit: '1/s' }));
    }
  }
  const medianOf = (subject: string, i: number): number => median(all.get(subject)!.map((found) => found[i]!));
  const sum = (subject: string): number => names.reduce((total, _, i) => total + medianOf(subject, i), 0);
  let bestOfEach = 0;
  names.forEach((name, i) => {
    const best = limits.reduce((a, b) => (medianOf(b, i) > medianOf(a, i) ? b : a));
    bestOfEach += medianOf(best, i);
    note(`${name}: the best is ${best} with ${medianOf(best, i).toFixed(0)} a second`);
    for (const subject of ['admission', 'none']) {
      const value = medianOf(subject, i) / medianOf(best, i);
      samples.add({ subject: `${subject}, ${name}`, metric: 'vs_best_limit', value, unit: 'ratio' });
    }
  });
  const bestForAll = limits.reduce((a, b) => (sum(b) > sum(a) ? b : a));
  note(`${bestForAll} is the best for all phases`);
  for (const subject of ['admission', 'none']) {
    samples.add({ subject, metric: 'vs_best_limit', value: sum(subject) / bestOfEach, unit: 'ratio' });
    samples.add({ subject, metric: 'vs_best_limit_for_all', value: sum(subject) / sum(bestForAll), unit: 'ratio' });
    const bestOfRoutes = Math.max(...perRoute.map(sum));
    samples.add({ subject, metric: 'vs_best_routes', value: sum(subject) / bestOfRoutes, unit: 'ratio' });
  }
  return samples.rows();
}
