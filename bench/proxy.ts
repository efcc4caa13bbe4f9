/** What passing a small request on costs a reverse proxy, with connections that are kept on both sides. */

import { note, prepareSubjects, type Bench, type Row } from './support/bench.js';
import { buildC } from './support/cache.js';
import { HTTP_BODY, PROXY_SUBJECTS } from './support/http-subjects.js';
import type { Options } from './support/options.js';
import { LOAD_CORE, pinned, start } from './support/process.js';
import { interleave, Samples } from './support/samples.js';
import { checkServer, freePort, startServer } from './support/server.js';
import { measureWindow, requireWrk } from './support/wrk.js';

const name = 'proxy';
const SETTLE_MS = 300;

async function run(options: Options): Promise<Row[]> {
  const connections = options.number('connections', 64, 16);
  const seconds = options.number('seconds', 4, 1);
  const rounds = options.number('rounds', 5, 1);
  requireWrk(connections);
  const port = await freePort();
  const upstream = start(pinned(LOAD_CORE, [await buildC('raw-epoll'), String(port)]));
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const samples = new Samples(name);
  try {
    const servers = await prepareSubjects(options.choice('subjects', Object.keys(PROXY_SUBJECTS)), async (subject) => {
      const server = await startServer(subject, await PROXY_SUBJECTS[subject]!(port));
      await checkServer(server, HTTP_BODY);
      return server;
    });
    for (const server of servers) await measureWindow(server, { connections, seconds: Math.ceil(seconds / 2) });
    for (let round = 0; round < rounds; round++) {
      const measured = new Map<string, number>();
      for (const server of interleave(servers, round)) {
        const { cpuPerRequest } = await measureWindow(server, { connections, seconds });
        samples.add({ subject: server.name, metric: 'request_cpu_us', value: cpuPerRequest, unit: 'us' });
        note(`round ${round + 1}/${rounds} ${server.name}: ${cpuPerRequest.toFixed(1)} us/request`);
        measured.set(server.name, cpuPerRequest);
      }
      const own = measured.get('knot');
      if (own === undefined) continue;
      for (const [subject, value] of measured) {
        if (subject !== 'knot') samples.add({ subject, metric: 'knot_vs_it', value: own / value, unit: 'ratio' });
      }
    }
    await Promise.all(servers.map((server) => server.stop()));
  } finally {
    upstream.kill();
  }
  return samples.rows();
}

export default {
  name,
  summary: 'CPU of a request that a reverse proxy passes on',
  options: {
    connections: 'open connections of clients (64)',
    seconds: 'length of a measured window (4)',
    rounds: 'measured windows for each proxy (5)',
    subjects: `a list of ${Object.keys(PROXY_SUBJECTS).join(', ')} (all)`,
  },
  figures: [{ title: 'A small request passed on', metric: 'request_cpu_us', label: 'proxy CPU, microseconds a request' }],
  run,
} satisfies Bench;
