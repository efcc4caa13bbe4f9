/** Goodput and latency under 0.5 to 5 times what a server can do, offered by an open-loop generator. */

import { join } from 'node:path';
import { BenchError, note, prepareSubjects, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import { generatorOf, type Phase } from './support/open_loop.js';
import type { Options } from './support/options.js';
import { LOAD_CORE, pinned, run as runCommand } from './support/process.js';
import { runMixed } from './support/mixed_overload.js';
import { median, Samples } from './support/samples.js';
import { startServer, type ServerProcess } from './support/server.js';

const name = 'overload';
const CONNECTIONS = 8000;
/** What a client waits for an answer, in milliseconds. */
const TIMEOUT_MS = 1000;
const CALM_FACTOR = 0.5;
/** In the calm after the storm, so many answered of those due in 100 ms count as recovered. */
const RECOVERED = 0.98;
const LOADS = [0.5, 0.9, 2, 5] as const;
/** Closed-loop clients that find out what a server can do: always some in its queue, too few for it to refuse any. */
const ASKERS = 6;
const WARM_UP_SECONDS = 8;
/** Two measurements that differ by less are of a server that is warm, on a machine that is quiet. */
const SETTLED = 0.05;

const MOST_REST_SECONDS = 12;
const RESTED = 0.8;

const SUBJECTS: Readonly<Record<string, (port: number) => string[]>> = {
  'knot-shed': (port) => [process.execPath, join(benchDirectory, 'subjects/knot-busy.mjs'), String(port), 'shed'],
  knot: (port) => [process.execPath, join(benchDirectory, 'subjects/knot-busy.mjs'), String(port)],
  'node-http': (port) => [process.execPath, join(benchDirectory, 'peers/node-http-busy.mjs'), String(port)],
};

interface Result {
  phases: Phase[];
  buckets: [due: number, ok: number, refused: number, failed: number][];
}

async function load(generator: string, port: number, connections: number, phases: readonly string[]): Promise<Result> {
  const command = [generator, String(port), String(TIMEOUT_MS), String(connections), ...phases];
  return JSON.parse(await runCommand(pinned(LOAD_CORE, command))) as Result;
}

/** Answers a second to clients that always ask; a second and a half of measuring. */
async function capacity(generator: string, port: number): Promise<number> {
  const { seconds, ok } = (await load(generator, port, ASKERS, ['closed:1.5'])).phases[0]!;
  return ok / seconds;
}

/** The same once it no longer rises: the first seconds of a server are its compiler's. */
async function settledCapacity(subject: string, generator: string, port: number): Promise<number> {
  let last = 0;
  for (let spent = 0; spent < WARM_UP_SECONDS; spent += 1.5) {
    const now = await capacity(generator, port);
    if (!(now > 0)) throw new BenchError(`${subject} answered nothing`);
    if (Math.abs(now - last) < SETTLED * now) return (now + last) / 2;
    last = now;
  }
  note(`${subject}: what it can do has not settled within ${SETTLED * 100} %; the machine is not quiet`);
  return last;
}

/** What it can do after a storm. An unprotected server first answers clients that have given up: it is given a while. */
async function restedCapacity(generator: string, port: number, settled: number): Promise<number> {
  for (let spent = 0; spent < MOST_REST_SECONDS; spent += 1.5) {
    const now = await capacity(generator, port);
    if (now > settled * RESTED) return now;
  }
  return settled;
}

/** Seconds from the end of the storm until the last 100 ms in which too many were not answered. */
function recovery(buckets: Result['buckets'], from: number): number {
  let last = from - 1;
  for (let i = from; i < buckets.length; i++) if (buckets[i]![1] < buckets[i]![0] * RECOVERED) last = i;
  return (last + 1 - from) / 10;
}

async function run(options: Options): Promise<Row[]> {
  if (options.choice('work', ['same', 'mixed']).join() === 'mixed') return runMixed(options, await generatorOf());
  const seconds = options.number('seconds', 4);
  const rounds = options.number('rounds', 1);
  const subjects = options.choice('subjects', Object.keys(SUBJECTS));
  const generator = await generatorOf();
  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    const servers = await prepareSubjects(subjects, (subject): Promise<ServerProcess> => startServer(subject, SUBJECTS[subject]!));
    for (const server of servers) {
      const add = (metric: string, value: number, unit: string, at?: Readonly<Record<string, number>>): void => {
        samples.add({ subject: server.name, metric, value, unit, ...(at && { at }) });
      };
      const settled = await settledCapacity(server.name, generator, server.port);
      let before = settled;
      const capacities = [before];
      const goodputs: [load: number, perSecond: number][] = [];
      for (const factor of LOADS) {
        const storm = `${(before * factor).toFixed(0)}:${seconds}`;
        const calm = `${(before * CALM_FACTOR).toFixed(0)}:3`;
        const { phases, buckets } = await load(generator, server.port, CONNECTIONS, [storm, calm]);
        const { due, ok, refused, timeout, error, unsent, p50, p99 } = phases[0]!;
        if (ok + refused + timeout + error + unsent !== due) throw new BenchError(`${server.name}: requests were lost in the count`);
        const after = await restedCapacity(generator, server.port, settled);
        note(`${server.name} ${factor}x: ${due} due, ${ok} ok, ${refused} refused, ${timeout} too late, ${error} errors, ${unsent} unsent; ` +
          `capacity before ${before.toFixed(0)}, after ${after.toFixed(0)} a second`);
        const at = { load: factor };
        const perSecond = ok / seconds;
        goodputs.push([factor, perSecond]);
        add('goodput_vs_capacity', perSecond / ((before + after) / 2), 'ratio', at);
        add('p50_ms', p50 * 1000, 'ms', at);
        add('p99_ms', p99 * 1000, 'ms', at);
        add('refused', refused / due, 'ratio', at);
        add('lost', (timeout + error + unsent) / due, 'ratio', at);
        add('recovery_s', recovery(buckets, seconds * 10), 's', at);
        capacities.push(after);
        before = after;
      }
      const peak = Math.max(...goodputs.map(([, perSecond]) => perSecond));
      for (const [factor, perSecond] of goodputs) add('goodput_vs_peak', perSecond / peak, 'ratio', { load: factor });
      add('capacity_per_s', median(capacities), '1/s');
      await server.stop();
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'goodput and latency when more is asked than can be done, and the recovery afterwards',
  options: {
    seconds: 'length of a storm; 3 seconds of calm follow (4); of a phase of mixed work (5)',
    rounds: 'how often each server is started and measured (1)',
    work: "'same': each request computes for a millisecond; 'mixed': requests whose bottleneck moves (same)",
    limits: 'of mixed work: the fixed limits to compare with (4,8,16,32,48,64,80,96,128)',
    routes: 'of mixed work: the limits for each route to compare with (4-16-60,16-32-60,32-48-68: cpu, device, memory)',
    subjects: `a list of ${Object.keys(SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    {
      title: 'Goodput under overload', metric: 'goodput_vs_capacity', label: 'answered in time / capacity',
      x: 'load', xLabel: 'offered load / capacity',
    },
    { title: 'Latency of answers, p99', metric: 'p99_ms', label: 'ms', x: 'load', xLabel: 'offered load / capacity', logarithmic: true },
  ],
  run,
} satisfies Bench;
