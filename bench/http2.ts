/** HTTP/2: CPU of a small answer, a hundred streams at a time on each connection, over TLS 1.3 and with prior knowledge. */

import { BenchError, note, prepareSubjects, type Bench, type Row } from './support/bench.js';
import { cpuSeconds } from './support/cpu.js';
import { credentials } from './support/credentials.js';
import { HTTP2_SUBJECTS } from './support/http-subjects.js';
import type { Options } from './support/options.js';
import { installed, LOAD_CORE, pinned, run as runCommand } from './support/process.js';
import { interleave, Samples } from './support/samples.js';
import { startServer, type ServerProcess } from './support/server.js';

const name = 'http2';
const NODE = 'node-http2';
const WIRES = ['tls', 'plain'] as const;

interface Load {
  readonly connections: number;
  readonly streams: number;
  readonly seconds: number;
}

/** Microseconds of the server's CPU for a request. */
async function cpuPerRequest(server: ServerProcess, secure: boolean, { connections, streams, seconds }: Load): Promise<number> {
  const before = cpuSeconds(server.pid);
  const url = `${secure ? 'https' : 'http'}://127.0.0.1:${server.port}/`;
  const output = await runCommand(pinned(LOAD_CORE, ['h2load', '-t1', `-c${connections}`, `-m${streams}`, '-D', String(seconds), url]));
  // Requests that the end of the time breaks off count as errors.
  const succeeded = Number(/(\d+) succeeded/.exec(output)?.[1]);
  const failed = Number(/(\d+) failed/.exec(output)?.[1]);
  if (!(succeeded > 0) || failed > connections * streams) throw new BenchError(`h2load and ${server.name}: ${output}`);
  return ((cpuSeconds(server.pid) - before) / succeeded) * 1e6;
}

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 3, 1);
  const seconds = options.number('seconds', 3, 1);
  const load = { connections: options.number('connections', 8), streams: options.number('streams', 100), seconds };
  const subjects = options.choice('subjects', Object.keys(HTTP2_SUBJECTS));
  if (!installed('h2load')) throw new BenchError('the http2 bench needs h2load: apt-get install nghttp2-client');
  const [key, cert] = credentials(name);
  const samples = new Samples(name);
  for (const wire of options.choice('wires', WIRES)) {
    const secure = wire === 'tls';
    const servers = await prepareSubjects(subjects, async (subject) =>
      startServer(subject, await HTTP2_SUBJECTS[subject]!(secure ? [key, cert] : undefined)),
    );
    for (const server of servers) await cpuPerRequest(server, secure, load);
    for (let round = 0; round < rounds; round++) {
      const measured = new Map<string, number>();
      for (const server of interleave(servers, round)) {
        const value = await cpuPerRequest(server, secure, load);
        note(`round ${round + 1}/${rounds} ${wire} ${server.name}: ${value.toFixed(2)} us/request`);
        samples.add({ subject: server.name, metric: `${wire}_cpu_us`, value, unit: 'us' });
        measured.set(server.name, value);
      }
      const node = measured.get(NODE);
      for (const [subject, value] of node === undefined ? [] : measured) {
        samples.add({ subject, metric: `${wire}_vs_node_http2`, value: value / node!, unit: 'ratio' });
      }
    }
    await Promise.all(servers.map((server) => server.stop()));
  }
  return samples.rows();
}

export default {
  name,
  summary: 'over HTTP/2: CPU of a small answer, over TLS and with prior knowledge',
  options: {
    connections: 'open connections (8)',
    streams: 'requests at a time on each (100)',
    seconds: 'length of a measured window (3)',
    rounds: 'measured windows for each server (3)',
    wires: `a list of ${WIRES.join(', ')} (both)`,
    subjects: `a list of ${Object.keys(HTTP2_SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    { title: 'A small answer over HTTP/2 and TLS', metric: 'tls_cpu_us', label: 'server CPU, microseconds a request' },
    { title: 'A small answer over HTTP/2', metric: 'plain_cpu_us', label: 'server CPU, microseconds a request' },
  ],
  run,
} satisfies Bench;
