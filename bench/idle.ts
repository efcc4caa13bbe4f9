/** Memory of a connection that is kept and idle: the server's own, and the kernel's for it. */

import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BenchError, note, prepareSubjects, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import { credentials } from './support/credentials.js';
import { IDLE_KINDS, IDLE_SUBJECTS, type IdleKind } from './support/http-subjects.js';
import { kernelSocketBytes, processBytes } from './support/memory.js';
import type { Options } from './support/options.js';
import { end, hasEnded, LOAD_CORE, openFilesLimit, pinned, start } from './support/process.js';
import { interleave, Samples } from './support/samples.js';
import { startServer, type ServerProcess } from './support/server.js';

const name = 'idle';
/** For closed connections to be gone, and for stacks and heaps to be given back. uWebSockets.js closes after ten seconds. */
const SETTLE_MS = 1500;
/** What the first connections make a server grow by is not theirs. */
const FIRST = 200;

/** It closes what has been silent for ten seconds over HTTP, which it may take to open all. */
const SHORT_LIVED = 'uWebSockets';
const MOST_SHORT_LIVED: Partial<Record<IdleKind, number>> = { plain: 3000, tls: 1000 };

async function open(server: ServerProcess, kind: IdleKind, count: number) {
  const script = join(benchDirectory, 'subjects', 'idle-clients.mjs');
  const child = start(pinned(LOAD_CORE, [process.execPath, script, String(server.port), kind, String(count)]));
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const closed = once(child, 'close').then(() => {
    throw new BenchError(`${kind}, ${server.name}: ${errors || 'the server closed idle connections'}`);
  });
  closed.catch(() => undefined);
  await Promise.race([once(child.stdout!, 'data'), closed]);
  return child;
}

async function settled(server: ServerProcess) {
  await delay(SETTLE_MS / 2);
  if (server.name !== 'nginx') process.kill(server.pid, 'SIGUSR2');
  await delay(SETTLE_MS / 2);
  return { process: processBytes(server.pid), kernel: kernelSocketBytes() };
}

/** Bytes of one connection. */
async function measureOne(server: ServerProcess, kind: IdleKind, connections: number) {
  await end(await open(server, kind, FIRST));
  const before = await settled(server);
  const child = await open(server, kind, connections);
  const after = await settled(server);
  if (hasEnded(child)) throw new BenchError(`${kind}, ${server.name}: the server closed idle connections`);
  await end(child);
  // The clients' ends are on this machine, and made of the same.
  const kernel = before.kernel === undefined ? undefined : (after.kernel! - before.kernel) / 2 / connections;
  return { process: (after.process - before.process) / connections, kernel };
}

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const connections = options.number('connections', 10_000, 2000);
  const subjects = options.choice('subjects', Object.keys(IDLE_SUBJECTS));
  if (openFilesLimit() < connections + 100) throw new BenchError(`${connections} connections need a higher limit on open files (ulimit -Hn)`);
  if (kernelSocketBytes() === undefined) note("the kernel's memory is left out, because only root may read /proc/slabinfo");
  const pair = credentials(name);
  const samples = new Samples(name);
  for (const kind of options.choice('kinds', IDLE_KINDS) as IdleKind[]) {
    const commands = await prepareSubjects(subjects, async (subject) => ({ subject, command: await IDLE_SUBJECTS[subject]!(kind, pair) }));
    for (let round = 0; round < rounds; round++) {
      for (const { subject, command } of interleave(commands, round)) {
        const server = await startServer(subject, command);
        const count = subject === SHORT_LIVED ? Math.min(connections, MOST_SHORT_LIVED[kind] ?? connections) : connections;
        const { process: own, kernel } = await measureOne(server, kind, count);
        await server.stop();
        samples.add({ subject, metric: `${kind}_process_bytes`, value: own, unit: 'bytes' });
        note(`${kind}, round ${round + 1}/${rounds} ${subject}: ${own.toFixed(0)} bytes, the kernel ${kernel?.toFixed(0) ?? 'unknown'}`);
        if (kernel === undefined) continue;
        samples.add({ subject, metric: `${kind}_kernel_bytes`, value: kernel, unit: 'bytes' });
        samples.add({ subject, metric: `${kind}_all_bytes`, value: own + kernel, unit: 'bytes' });
      }
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'memory of an idle connection, plain, over TLS, HTTP/2 and WebSocket: of the server and of the kernel',
  options: {
    connections: 'open connections (10000)',
    rounds: 'measurements of each server, in a new process each (3)',
    kinds: `a list of ${IDLE_KINDS.join(', ')} (all)`,
    subjects: `a list of ${Object.keys(IDLE_SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    { title: 'Idle, plain', metric: 'plain_process_bytes', label: 'bytes of the server for a connection' },
    { title: 'Idle, TLS', metric: 'tls_process_bytes', label: 'bytes of the server for a connection' },
  ],
  run,
} satisfies Bench;
