/** How late a sleeper is, and how long a small request waits, beside coroutines that stay ready; Go beside them. */

import { join } from 'node:path';
import { BenchError, note, Unavailable, type Bench, type Row } from './support/bench.js';
import { benchDirectory, buildGo } from './support/cache.js';
import type { Options } from './support/options.js';
import { LOAD_CORE, pinned, run as execute } from './support/process.js';
import { interleave, Samples } from './support/samples.js';
import { startServer } from './support/server.js';

const name = 'fairness';

/** What Go runs beside: so many goroutines, each computing for so many microseconds before it gives way. */
const PEERS = {
  'go: yields': [1, 500],
  'go: two yield': [2, 500],
  'go: a hundred yield': [100, 100],
} as const;
type Peer = keyof typeof PEERS;

/** The loops of test/children/ready_loops.mjs, each with the peer that computes as long, as many times at once. */
const LOOPS: Readonly<Record<string, Peer>> = {
  yields: 'go: yields',
  'two yield': 'go: two yield',
  'a hundred yield': 'go: a hundred yield',
  stat: 'go: yields',
  exists: 'go: yields',
  readFile: 'go: yields',
  mutex: 'go: two yield',
  'free mutex': 'go: yields',
  semaphore: 'go: yields',
  event: 'go: yields',
  'wait group': 'go: yields',
  channel: 'go: yields',
  'producer and consumer': 'go: two yield',
  select: 'go: yields',
  join: 'go: yields',
  'spawn and join': 'go: yields',
  wait: 'go: yields',
  callback: 'go: yields',
  lines: 'go: yields',
};
const QUICK = ['yields', 'a hundred yield', 'mutex', 'stat'];

interface Delays {
  sleeper: number;
  request: number;
}

/** Starts the server beside its loops and measures both: p99, in milliseconds. */
async function delays(subject: string, command: (port: number) => string[], seconds: number): Promise<Delays> {
  const server = await startServer(subject, command);
  const client = join(benchDirectory, 'support', 'small-requests.mjs');
  const requests = async (during: number): Promise<{ p99: number }> => {
    const output = await execute(pinned(LOAD_CORE, [process.execPath, client, String(server.port), String(during)]));
    return JSON.parse(output) as { p99: number };
  };
  const late = async (): Promise<number[]> =>
    (await (await fetch(`http://127.0.0.1:${server.port}/late`)).json()) as number[];
  try {
    await requests(1);
    await late();
    const { p99 } = await requests(seconds);
    const sleeps = (await late()).sort((a, b) => a - b);
    if (sleeps.length < 50) throw new BenchError(`${subject}: ${sleeps.length} sleeps in ${seconds} s`);
    return { sleeper: sleeps[Math.floor(0.99 * sleeps.length)]!, request: p99 };
  } finally {
    await server.stop();
  }
}

async function run(options: Options): Promise<Row[]> {
  const seconds = options.number('seconds', 3, 1);
  const rounds = options.number('rounds', 3, 1);
  const loops = options.choice('loops', Object.keys(LOOPS), QUICK);
  const commands = new Map<string, (port: number) => string[]>();
  try {
    const go = await buildGo('go-fairness');
    for (const peer of new Set(loops.map((loop) => LOOPS[loop]!))) {
      commands.set(peer, (port) => [go, ...[port, ...PEERS[peer]].map(String)]);
    }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    note(`skipped go: ${error.message}`);
  }
  const script = join(benchDirectory, 'subjects', 'fairness.mjs');
  for (const loop of loops) commands.set(loop, (port) => [process.execPath, script, String(port), loop]);

  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    const measured = new Map<string, Delays>();
    for (const [subject, command] of interleave([...commands], round)) {
      measured.set(subject, await delays(subject, command, seconds));
    }
    for (const subject of commands.keys()) {
      const add = (metric: string, value: number, unit: string): void => samples.add({ subject, metric, value, unit });
      const { sleeper, request } = measured.get(subject)!;
      add('sleeper_p99_ms', sleeper, 'ms');
      add('request_p99_ms', request, 'ms');
      const peer = measured.get(LOOPS[subject] ?? '');
      if (!peer) continue;
      add('sleeper_vs_go', sleeper / peer.sleeper, 'ratio');
      add('request_vs_go', request / peer.request, 'ratio');
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'milliseconds that a sleeper and small requests wait beside coroutines that stay ready, and Go',
  options: {
    loops: `a list of ${Object.keys(LOOPS).join(', ')} (all; with --quick ${QUICK.join(', ')})`,
    seconds: 'length of a measurement, after a second of warming up (3)',
    rounds: 'processes of each kind (3)',
  },
  run,
} satisfies Bench;
