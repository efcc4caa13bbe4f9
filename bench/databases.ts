/** What a request costs that runs a transaction in PostgreSQL, in a coroutine and in an async function. */

import { join } from 'node:path';
import { postgresPrograms, startPostgres } from '../test/support/postgres.js';
import { BenchError, note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import { HTTP_BODY } from './support/http-subjects.js';
import type { Options } from './support/options.js';
import { LOAD_CORE, pinned } from './support/process.js';
import { interleave, Samples } from './support/samples.js';
import { checkServer, startServer } from './support/server.js';
import { measureWindow, requireWrk, type ServerWindow } from './support/wrk.js';

const name = 'databases';
const KINDS = ['async', 'coroutine', 'knot'];
const CONNECTIONS = 64;
const WARM_UP_SECONDS = 2;

async function measured(kind: string, host: string, seconds: number): Promise<ServerWindow> {
  const script = join(benchDirectory, 'subjects', 'databases.mjs');
  const server = await startServer(kind, (port) => [process.execPath, script, String(port), kind, host]);
  try {
    await checkServer(server, HTTP_BODY);
    await measureWindow(server, { connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
    return await measureWindow(server, { connections: CONNECTIONS, seconds });
  } finally {
    await server.stop();
  }
}

async function run(options: Options): Promise<Row[]> {
  const seconds = options.number('seconds', 4, 1);
  const rounds = options.number('rounds', 5, 1);
  const kinds = options.choice('subjects', KINDS);
  requireWrk(CONNECTIONS);
  const programs = postgresPrograms();
  if (!programs) throw new BenchError('the databases bench needs PostgreSQL: apt-get install postgresql');
  const database = await startPostgres(programs, (command) => pinned(LOAD_CORE, command));
  const samples = new Samples(name);
  try {
    for (let round = 0; round < rounds; round++) {
      note(`round ${round + 1}/${rounds}`);
      const results = new Map<string, ServerWindow>();
      for (const subject of interleave(kinds, round)) {
        const result = await measured(subject, database.directory, seconds);
        results.set(subject, result);
        samples.add({ subject, metric: 'request_cpu_us', value: result.cpuPerRequest, unit: 'us' });
        samples.add({ subject, metric: 'requests_per_s', value: result.requestsPerSecond, unit: '1/s' });
      }
      const peer = results.get('async');
      if (!peer) continue;
      for (const [subject, { cpuPerRequest, requestsPerSecond }] of results) {
        if (subject === 'async') continue;
        samples.add({ subject, metric: 'cpu_vs_async', value: cpuPerRequest / peer.cpuPerRequest, unit: 'ratio' });
        samples.add({ subject, metric: 'requests_vs_async', value: requestsPerSecond / peer.requestsPerSecond, unit: 'ratio' });
      }
    }
  } finally {
    await database.stop();
  }
  return samples.rows();
}

export default {
  name,
  summary: 'requests that run a transaction in PostgreSQL, in coroutines and in async functions',
  options: {
    subjects: `a list of ${KINDS.join(', ')} (all)`,
    seconds: 'length of a measurement, after two seconds of warming up (4)',
    rounds: 'servers of each kind (5)',
  },
  run,
} satisfies Bench;
