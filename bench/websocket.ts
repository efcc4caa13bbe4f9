/** CPU per message of WebSocket servers: echoes of small and larger messages, several in a packet, and broadcasts. */

import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';

import { BenchError, note, prepareSubjects, type Bench, type Row } from './support/bench.js';
import { benchDirectory, buildC } from './support/cache.js';
import { cpuSeconds } from './support/cpu.js';
import { bunProgram, uwsBinary } from './support/http-subjects.js';
import type { Options } from './support/options.js';
import { LOAD_CORE, openFilesLimit, pinned, start } from './support/process.js';
import { interleave, Samples } from './support/samples.js';
import { startServer, type ServerProcess } from './support/server.js';

const name = 'websocket';
const file = (...names: string[]): string => join(benchDirectory, ...names);
const node = (script: string, ...more: string[]) => (mode: string) => (port: number) =>
  [process.execPath, script, String(port), mode, ...more];

const SUBJECTS: Record<string, () => Promise<(mode: string) => (port: number) => string[]>> = {
  stackful: async () => node(file('subjects', 'websocket.mjs')),
  'stackful-borrow': async () => node(file('subjects', 'websocket.mjs'), 'borrow'),
  uWebSockets: async () => node(file('peers', 'websocket-uws.mjs'), await uwsBinary()),
  bun: async () => {
    const program = await bunProgram();
    return (mode) => (port) => [program, file('peers', 'websocket-bun.mjs'), String(port), mode];
  },
  ws: async () => node(file('peers', 'websocket-ws.mjs')),
};

interface Work {
  readonly mode: 'echo' | 'broadcast';
  readonly connections: number;
  readonly bytes: number;
  /** Messages in a packet. */
  readonly atOnce: number;
}

/** `idle`: memory of a socket that waits. */
const WORKS: Record<string, Work> = {
  echo_64: { mode: 'echo', connections: 64, bytes: 64, atOnce: 1 },
  echo_64_many: { mode: 'echo', connections: 1000, bytes: 64, atOnce: 1 },
  echo_16k: { mode: 'echo', connections: 64, bytes: 16384, atOnce: 1 },
  batch_64: { mode: 'echo', connections: 64, bytes: 64, atOnce: 16 },
  broadcast_64: { mode: 'broadcast', connections: 1000, bytes: 64, atOnce: 1 },
  broadcast_10k: { mode: 'broadcast', connections: 10_000, bytes: 64, atOnce: 1 },
  idle: { mode: 'echo', connections: 5000, bytes: 64, atOnce: 1 },
};

function residentKiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

/** Runs the load once; the server's CPU for a message in microseconds, and messages a second. */
async function runLoad(load: string, server: ServerProcess, { mode, connections, bytes, atOnce }: Work, warmUp: number, window: number) {
  const child = start(pinned(LOAD_CORE, [load, ...[server.port, mode, connections, bytes, atOnce, warmUp, window].map(String)]));
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const closed = once(child, 'close');
  let began = 0;
  let messages = 0;
  let cpu = 0;
  for await (const line of createInterface({ input: child.stdout! })) {
    if (line === 'begin') began = cpuSeconds(server.pid);
    else {
      cpu = cpuSeconds(server.pid) - began;
      messages = Number(line.split(' ')[1]);
    }
  }
  await closed;
  if (child.exitCode !== 0 || messages === 0) throw new BenchError(`${server.name}: the load failed: ${errors}`);
  return { cpuPerMessage: (cpu * 1e6) / messages, messagesPerSecond: (messages * 1000) / window };
}

async function run(options: Options): Promise<Row[]> {
  const seconds = options.number('seconds', 3, 1);
  const rounds = options.number('rounds', 3, 1);
  const works = options.choice('work', Object.keys(WORKS), Object.keys(WORKS).filter((work) => work !== 'broadcast_10k'));
  const load = await buildC('websocket-load');
  const subjects = options.choice('subjects', Object.keys(SUBJECTS));
  const commands = await prepareSubjects(subjects, async (subject) => ({ subject, command: await SUBJECTS[subject]!() }));
  const samples = new Samples(name);
  for (const work of works) {
    const plan = WORKS[work]!;
    if (plan.connections + 100 > openFilesLimit()) {
      note(`${work} is left out: it needs ${plan.connections} descriptors`);
      continue;
    }
    for (let round = 0; round < rounds; round++) {
      for (const { subject, command } of interleave(commands, round)) {
        // A process for each: memory and optimisations are those of this work.
        const server = await startServer(subject, command(plan.mode));
        const before = residentKiB(server.pid);
        const running = runLoad(load, server, plan, work === 'idle' ? 500 : 1000, seconds * 1000);
        if (work === 'idle') {
          await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
          const value = (residentKiB(server.pid) - before) / plan.connections;
          samples.add({ subject, metric: 'memory_of_a_socket', value, unit: 'KiB' });
          note(`${work}, round ${round + 1}/${rounds} ${subject}: ${value.toFixed(2)} KiB`);
        }
        const { cpuPerMessage, messagesPerSecond } = await running;
        if (work !== 'idle') {
          note(`${work}, round ${round + 1}/${rounds} ${subject}: ${cpuPerMessage.toFixed(2)} us/message, ${Math.round(messagesPerSecond)} messages/s`);
          samples.add({ subject, metric: `${work}_cpu_us`, value: cpuPerMessage, unit: 'us' });
          samples.add({ subject, metric: `${work}_per_s`, value: messagesPerSecond, unit: '1/s' });
        }
        await server.stop();
      }
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'CPU microseconds per WebSocket message: echoes and broadcasts, and the memory of a socket, beside other servers',
  options: {
    seconds: 'length of a measured window (3)',
    rounds: 'measured windows for each server and work (3)',
    subjects: `a list of ${Object.keys(SUBJECTS).join(', ')} (all)`,
    work: `a list of ${Object.keys(WORKS).join(', ')} (all)`,
  },
  figures: [
    { title: 'Echo of 64 bytes', metric: 'echo_64_cpu_us', label: 'server CPU, microseconds a message' },
    { title: 'Broadcast to 1,000', metric: 'broadcast_64_cpu_us', label: 'server CPU, microseconds a delivery' },
  ],
  run,
} satisfies Bench;
