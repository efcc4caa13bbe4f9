/**
 * Over TLS 1.3: CPU of a small answer and of a handshake, and what an idle connection holds. No server resumes sessions: wrk offers
 * the one before at each new connection, and how often it has it by then depends on the server.
 */

import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BenchError, note, prepareSubjects, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import { credentials } from './support/credentials.js';
import { TLS_SUBJECTS } from './support/http-subjects.js';
import { processBytes } from './support/memory.js';
import type { Options } from './support/options.js';
import { end, LOAD_CORE, pinned, start } from './support/process.js';
import { interleave, Samples } from './support/samples.js';
import { startServer, type ServerProcess } from './support/server.js';
import { measureWindow, requireWrk } from './support/wrk.js';

const name = 'tls';
/** For the closing of the last window's connections. */
const SETTLE_MS = 300;
/** What the peers of this bench are compared with. */
const NODE = 'node-https';
/** They end a connection that is not kept in a way that wrk counts as an error. */
const KEPT_ONLY = new Set(['bun']);

/** The servers that collect garbage at SIGUSR2. */
const COLLECTING = new Set(['knot', 'bun', NODE]);

async function settledBytes(server: ServerProcess): Promise<number> {
  await delay(SETTLE_MS);
  if (COLLECTING.has(server.name)) process.kill(server.pid, 'SIGUSR2');
  await delay(2 * SETTLE_MS);
  return processBytes(server.pid);
}

async function idleBytes(server: ServerProcess, connections: number): Promise<number> {
  const open = async (count: number) => {
    const script = join(benchDirectory, 'subjects', 'tls-idle.mjs');
    const child = start(pinned(LOAD_CORE, [process.execPath, script, String(server.port), String(count)]));
    await Promise.race([once(child.stdout!, 'data'), once(child, 'close').then(() => { throw new BenchError(`${server.name}: idle`); })]);
    return child;
  };
  // What the first ones make grow is not theirs.
  await end(await open(200));
  const before = await settledBytes(server);
  const child = await open(connections);
  const after = await settledBytes(server);
  await end(child);
  return (after - before) / connections;
}

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const seconds = options.number('seconds', 4, 2);
  const connections = options.number('connections', 64);
  const idle = options.number('idle', 3000, 1000);
  requireWrk(Math.max(connections, idle));
  const [key, cert] = credentials(name);
  const servers = await prepareSubjects(options.choice('subjects', Object.keys(TLS_SUBJECTS)), async (subject) =>
    startServer(subject, await TLS_SUBJECTS[subject]!(key, cert)),
  );
  const samples = new Samples(name);
  for (const server of servers) await measureWindow(server, { connections, seconds: Math.ceil(seconds / 2), secure: 'kept' });
  for (let round = 0; round < rounds; round++) {
    const measured = new Map<string, { request: number; handshake: number | undefined }>();
    for (const server of interleave(servers, round)) {
      const { cpuPerRequest: request } = await measureWindow(server, { connections, seconds, secure: 'kept' });
      const subject = server.name;
      samples.add({ subject, metric: 'request_cpu_us', value: request, unit: 'us' });
      const anew = KEPT_ONLY.has(subject) ? undefined : await measureWindow(server, { connections, seconds, secure: 'anew' });
      const handshake = anew?.cpuPerRequest;
      if (handshake !== undefined) samples.add({ subject, metric: 'handshakes_per_cpu_s', value: 1e6 / handshake, unit: '1/s' });
      note(`round ${round + 1}/${rounds} ${subject}: ${request.toFixed(1)} us/request, ${handshake?.toFixed(0)} us/handshake`);
      measured.set(subject, { request, handshake });
    }
    const node = measured.get(NODE);
    if (!node) continue;
    for (const [subject, { request, handshake }] of measured) {
      samples.add({ subject, metric: 'request_vs_node_https', value: request / node.request, unit: 'ratio' });
      if (handshake === undefined || node.handshake === undefined) continue;
      samples.add({ subject, metric: 'handshake_vs_node_https', value: handshake / node.handshake, unit: 'ratio' });
    }
  }
  const held = new Map<string, number>();
  for (const server of servers) {
    const value = await idleBytes(server, idle);
    note(`${server.name}: ${(value / 1024).toFixed(1)} KiB for an idle connection`);
    samples.add({ subject: server.name, metric: 'idle_bytes', value, unit: 'bytes' });
    held.set(server.name, value);
  }
  const node = held.get(NODE);
  for (const [subject, value] of node === undefined ? [] : held) {
    samples.add({ subject, metric: 'idle_vs_node_https', value: value / node!, unit: 'ratio' });
  }
  await Promise.all(servers.map((server) => server.stop()));
  return samples.rows();
}

export default {
  name,
  summary: 'over TLS: CPU of a keep-alive request and of a handshake, and the memory of an idle connection',
  options: {
    connections: 'open connections (64)',
    seconds: 'length of a measured window (4)',
    rounds: 'measured windows for each server (3)',
    idle: 'connections whose memory is measured (3000)',
    subjects: `a list of ${Object.keys(TLS_SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    { title: 'A small answer over TLS', metric: 'request_cpu_us', label: 'server CPU, microseconds a request' },
    { title: 'An idle connection', metric: 'idle_bytes', label: 'bytes' },
  ],
  run,
} satisfies Bench;
