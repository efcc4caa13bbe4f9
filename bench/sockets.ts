/** A pipelined line protocol, a UDP echo and a TCP proxy: server CPU an operation, beside node:net, node:dgram, Go, HAProxy and C. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { BenchError, note, prepareSubjects, Unavailable, type Bench, type Row } from './support/bench.js';
import { benchDirectory, buildC, buildGo, cacheDirectory } from './support/cache.js';
import { cpuSeconds } from './support/cpu.js';
import type { Options } from './support/options.js';
import { end, hasEnded, installed, LOAD_CORE, pinned, start, SUBJECT_CORE } from './support/process.js';
import { interleave, Samples } from './support/samples.js';
import { freePort } from './support/server.js';

const name = 'sockets';
const SUBJECTS = ['stackful', 'node', 'go', 'haproxy', 'raw-udp'];
const WORKS = ['lines', 'udp', 'proxy'];
const GIB = 2 ** 30;
/** Clients of each work, and how many lines or datagrams each keeps in flight. */
const LOADS: Readonly<Record<string, { clients: number; depth: number }>> = {
  lines: { clients: 16, depth: 16 },
  udp: { clients: 16, depth: 1 },
  proxy: { clients: 4, depth: 0 },
};

type Command = (work: string, port: number, upstream: number) => string[] | undefined;

async function prepare(subject: string): Promise<{ subject: string; command: Command }> {
  if (subject === 'haproxy') {
    const program = installed('haproxy');
    if (!program) throw new Unavailable('needs HAProxy (apt-get install haproxy)');
    return { subject, command: (work, port, upstream) => (work === 'proxy' ? haproxy(program, port, upstream) : undefined) };
  }
  if (subject === 'raw-udp') {
    const program = await buildC('raw-udp');
    return { subject, command: (work, port) => (work === 'udp' ? [program, String(port)] : undefined) };
  }
  const file = join(benchDirectory, subject === 'node' ? 'peers/node-sockets.mjs' : 'subjects/sockets.mjs');
  const program = subject === 'go' ? [await buildGo('go-sockets')] : [process.execPath, file];
  return { subject, command: (work, port, upstream) => [...program, work, String(port), String(upstream)] };
}

/** One thread, splicing in both directions. */
function haproxy(program: string, port: number, upstream: number): string[] {
  const file = join(cacheDirectory('haproxy'), 'haproxy.cfg');
  writeFileSync(file, `global
  nbthread 1
  maxconn 1000
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen proxy
  bind 127.0.0.1:${port}
  server upstream 127.0.0.1:${upstream}
`);
  return [program, '-db', '-f', file];
}

/** Runs one server under its load; CPU seconds and what was done in the window. */
async function measureOne(command: Command, work: string, seconds: number) {
  const port = await freePort();
  const upstream = await freePort();
  const line = command(work, port, upstream);
  if (!line) return undefined;
  const server = start(pinned(SUBJECT_CORE, line));
  let complaint = '';
  server.stderr!.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  await delay(700);
  const { clients, depth } = LOADS[work]!;
  const fourth = work === 'proxy' ? upstream : depth;
  const load = start(pinned(LOAD_CORE, [await buildC('socket-load'), work, ...[port, clients, fourth, seconds].map(String)]));
  load.stderr!.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const ended = once(load, 'close');
  // Without its server it may wait for ever.
  server.once('close', () => load.kill());
  let before = 0;
  let cpu = 0;
  let result: { done: number; seconds: number } | undefined;
  for await (const text of createInterface({ input: load.stdout! })) {
    // The kernel no longer has its figures, and the load ends.
    if (hasEnded(server)) continue;
    if (text === 'begin') before = cpuSeconds(server.pid!);
    if (!text.startsWith('{')) continue;
    cpu = cpuSeconds(server.pid!) - before;
    result = JSON.parse(text) as { done: number; seconds: number };
  }
  await ended;
  await end(server);
  if (!result || result.done === 0) throw new BenchError(`${line.join(' ')}: ${complaint.slice(-500) || 'nothing was done'}`);
  return { cpu, ...result };
}

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const seconds = options.number('seconds', 3, 1);
  const works = options.choice('work', WORKS);
  const subjects = await prepareSubjects(options.choice('subjects', SUBJECTS), prepare);
  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    for (const work of works) {
      for (const { subject, command } of interleave(subjects, round)) {
        const result = await measureOne(command, work, seconds);
        if (!result) continue;
        const { cpu, done, seconds: took } = result;
        if (work === 'proxy') {
          samples.add({ subject, metric: 'proxy_cpu_ms_per_gib', value: (cpu * 1000 * GIB) / done, unit: 'ms' });
          samples.add({ subject, metric: 'proxy_gib_per_s', value: done / took / GIB, unit: 'GiB/s' });
          continue;
        }
        const what = work === 'udp' ? 'packet' : 'line';
        samples.add({ subject, metric: `${work}_cpu_us_per_${what}`, value: (cpu * 1e6) / done, unit: 'us' });
        samples.add({ subject, metric: `${work}_per_s`, value: done / took, unit: '1/s' });
      }
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'server CPU of a pipelined line protocol, a UDP echo and a TCP proxy, beside node, Go and HAProxy',
  options: {
    seconds: 'of each window (3)',
    rounds: 'windows of each server (3)',
    work: `a list of ${WORKS.join(', ')} (all)`,
    subjects: `a list of ${SUBJECTS.join(', ')} (all)`,
  },
  figures: [
    { title: 'Pipelined lines', metric: 'lines_cpu_us_per_line', label: 'us of CPU' },
    { title: 'UDP echo', metric: 'udp_cpu_us_per_packet', label: 'us of CPU' },
    { title: 'TCP proxy', metric: 'proxy_cpu_ms_per_gib', label: 'ms of CPU a GiB' },
  ],
  run,
} satisfies Bench;
