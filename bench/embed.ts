/** What a handler of a framework costs as a coroutine, beside the same as an async function. */

import { join } from 'node:path';
import { note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import { HTTP_BODY } from './support/http-subjects.js';
import type { Options } from './support/options.js';
import { interleave, Samples } from './support/samples.js';
import { checkServer, startServer } from './support/server.js';
import { measureWindow, requireWrk } from './support/wrk.js';

const name = 'embed';
const FRAMEWORKS = ['express', 'fastify'];
const KINDS = ['async', 'coroutine'] as const;
const CONNECTIONS = 64;
const WARM_UP_SECONDS = 2;

/** Microseconds of CPU a request. */
async function cost(framework: string, kind: string, seconds: number): Promise<number> {
  const script = join(benchDirectory, 'subjects', 'embed.mjs');
  const server = await startServer(`${framework} ${kind}`, (port) => [process.execPath, script, String(port), framework, kind]);
  try {
    await checkServer(server, HTTP_BODY);
    await measureWindow(server, { connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
    return (await measureWindow(server, { connections: CONNECTIONS, seconds })).cpuPerRequest;
  } finally {
    await server.stop();
  }
}

async function run(options: Options): Promise<Row[]> {
  const seconds = options.number('seconds', 4, 1);
  const rounds = options.number('rounds', 5, 1);
  const frameworks = options.choice('frameworks', FRAMEWORKS);
  requireWrk(CONNECTIONS);
  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    note(`round ${round + 1}/${rounds}`);
    for (const framework of interleave(frameworks, round)) {
      const measured = new Map<string, number>();
      for (const kind of interleave(KINDS, round)) {
        const value = await cost(framework, kind, seconds);
        measured.set(kind, value);
        samples.add({ subject: `${framework}, ${kind}`, metric: 'cpu_us', value, unit: 'us' });
      }
      const value = measured.get('coroutine')! / measured.get('async')!;
      samples.add({ subject: `${framework}, coroutine`, metric: 'vs_async', value, unit: 'ratio' });
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'microseconds of CPU a request of Express and Fastify, with a handler that is a coroutine and with an async one',
  options: {
    frameworks: `a list of ${FRAMEWORKS.join(', ')} (all)`,
    seconds: 'length of a measurement, after two seconds of warming up (4)',
    rounds: 'servers of each kind (5)',
  },
  run,
} satisfies Bench;
