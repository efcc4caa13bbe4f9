/**
 * What a small GET over a connection that is kept costs an HTTP client. The server is a C program that does next to nothing; of HTTP/2,
 * over TLS, it is Knot.
 */

import { join } from 'node:path';
import { note, type Bench, type Row } from './support/bench.js';
import { benchDirectory, buildC, buildGo } from './support/cache.js';
import { credentials } from './support/credentials.js';
import type { Options } from './support/options.js';
import { LOAD_CORE, pinned, start } from './support/process.js';
import { measureRound, Samples } from './support/samples.js';
import { freePort } from './support/server.js';

const name = 'client';
const NODE_SUBJECTS = ['stackful', 'stackful-fetch', 'undici', 'fetch', 'node-http'];
const HTTP2_SUBJECTS = ['stackful-http2', 'undici-http2', 'node-http2'];
const SUBJECTS = [...NODE_SUBJECTS, 'go', ...HTTP2_SUBJECTS];
/** How many requests are under way at a time on the connection of HTTP/2. */
const STREAMS = [1, 100];
/** For the server to listen. */
const SETTLE_MS = 300;

async function overHttp2(samples: Samples, subjects: readonly string[], rounds: number, seconds: number, script: string): Promise<void> {
  if (subjects.length === 0) return;
  const port = await freePort();
  const knot = join(benchDirectory, 'subjects', 'knot-http2.mjs');
  const server = start(pinned(LOAD_CORE, [process.execPath, knot, String(port), ...credentials(name)]));
  await new Promise((resolve) => setTimeout(resolve, 3 * SETTLE_MS));
  try {
    for (let round = 0; round < rounds; round++) {
      note(`HTTP/2, round ${round + 1}/${rounds}`);
      const commands = subjects.map((subject) => [process.execPath, script, subject]);
      for (const streams of STREAMS) await measureRound(samples, commands, round, `https://localhost:${port}/`, streams, seconds);
    }
  } finally {
    server.kill();
  }
}

async function run(options: Options): Promise<Row[]> {
  const width = options.number('width', 64, 8);
  const seconds = options.number('seconds', 4, 1);
  const rounds = options.number('rounds', 5, 1);
  const chosen = options.choice('subjects', SUBJECTS);
  const subjects = chosen.filter((subject) => !HTTP2_SUBJECTS.includes(subject));
  const port = await freePort();
  const server = start(pinned(LOAD_CORE, [await buildC('raw-epoll'), String(port)]));
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const url = `http://127.0.0.1:${port}/`;
  const script = join(benchDirectory, 'subjects', 'client.mjs');
  const go = subjects.includes('go') ? await buildGo('go-client') : '';
  // One processor, as the others have.
  const commands = subjects.map((subject) => (subject === 'go' ? ['env', 'GOMAXPROCS=1', go] : [process.execPath, script, subject]));
  const samples = new Samples(name);
  try {
    for (let round = 0; round < rounds; round++) {
      note(`round ${round + 1}/${rounds}`);
      await measureRound(samples, commands, round, url, width, seconds);
    }
  } finally {
    server.kill();
  }
  await overHttp2(samples, chosen.filter((subject) => HTTP2_SUBJECTS.includes(subject)), rounds, seconds, script);
  const rows = samples.rows();
  const own = rows.find(({ subject }) => subject === 'stackful')?.value;
  const ratios = own === undefined ? [] : rows.filter(({ subject, metric }) => subject !== 'stackful' && metric === 'request_cpu_us');
  const metric = 'stackful_vs_it';
  const against = ratios.map(({ subject, value }) => ({ bench: name, subject, metric, value: own! / value, unit: 'ratio' }));
  return [...rows, ...against];
}

export default {
  name,
  summary: 'CPU of a small GET of an HTTP client, over connections that are kept',
  options: {
    width: 'requests at a time (64)',
    seconds: 'length of a measurement, after one second of warming up (4)',
    rounds: 'measurements of each client (5)',
    subjects: `a list of ${SUBJECTS.join(', ')} (all)`,
  },
  figures: [{ title: 'A small GET', metric: 'request_cpu_us', label: 'client CPU, microseconds a request' }],
  run,
} satisfies Bench;
