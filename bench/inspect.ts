/** What a viewer of the inspector's page costs the server that it looks at. */

import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { BenchError, note, type Bench, type Row } from './support/bench.js';
import { benchDirectory } from './support/cache.js';
import { HTTP_BODY } from './support/http-subjects.js';
import type { Options } from './support/options.js';
import { interleave, median, Samples } from './support/samples.js';
import { checkServer, freePort, startServer } from './support/server.js';
import { measureWindow, requireWrk } from './support/wrk.js';

const name = 'inspect';
/** The first message has no rates yet; the recorder has found its pace when the third is there. */
const WARM_UP_MESSAGES = 3;
/** As long takes that; without a viewer the server is idle for the same time, because an idle server gives memory back. */
const WARM_UP_MS = 1_300;
const STATES = ['nobody looks', 'a viewer looks'] as const;

/** A viewer: reads the stream of events that the page reads. */
async function openViewer(port: number): Promise<{ messages: () => number; close(): void }> {
  const request = get({ host: '127.0.0.1', port, path: '/events' });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let messages = 0;
  response.on('data', (chunk: Buffer) => (messages += chunk.toString().split('data: ').length - 1));
  response.on('error', () => undefined);
  return { messages: () => messages, close: () => { request.destroy(); } };
}

async function run(options: Options): Promise<Row[]> {
  const connectionCounts = options.numbers('connections', [64]);
  const seconds = options.number('seconds', 4, 2);
  const rounds = options.number('rounds', 7, 2);
  requireWrk(Math.max(...connectionCounts));
  const inspector = await freePort();
  const program = join(benchDirectory, 'subjects/knot-inspected.mjs');
  const server = await startServer('knot', (port) => [process.execPath, program, String(port), String(inspector)]);
  await checkServer(server, HTTP_BODY);
  const samples = new Samples(name);
  for (const connections of connectionCounts) {
    const at = { connections };
    const ratios: number[] = [];
    await measureWindow(server, { connections, seconds });
    for (let round = 0; round < rounds; round++) {
      const cpu = new Map<string, number>();
      let perSecond = 0;
      for (const state of interleave(STATES, round)) {
        const viewer = state === 'a viewer looks' ? await openViewer(inspector) : undefined;
        if (!viewer) await delay(WARM_UP_MS);
        while (viewer && viewer.messages() < WARM_UP_MESSAGES) await delay(50);
        const seen = viewer?.messages() ?? 0;
        const { cpuPerRequest, requestsPerSecond } = await measureWindow(server, { connections, seconds });
        if (viewer && viewer.messages() === seen) throw new BenchError('the viewer got no message');
        viewer?.close();
        if (viewer) perSecond = requestsPerSecond;
        note(`round ${round + 1}/${rounds}, ${connections} connections, ${state}: ${cpuPerRequest.toFixed(3)} us/request`);
        samples.add({ subject: state, metric: 'cpu_us_per_request', value: cpuPerRequest, unit: 'us', at });
        cpu.set(state, cpuPerRequest);
      }
      // Within a round both met the same machine.
      const [looking, alone] = [cpu.get('a viewer looks')!, cpu.get('nobody looks')!];
      ratios.push(looking / alone);
      const ms = ((looking - alone) * perSecond) / 1000;
      samples.add({ subject: 'a viewer looks', metric: 'viewer_ms_per_s', value: ms, unit: 'ms', at });
    }
    note(`ratio at ${connections} connections: ${median(ratios).toFixed(4)} of ${ratios.map((ratio) => ratio.toFixed(3)).join(' ')}`);
    for (const value of ratios) samples.add({ subject: 'a viewer looks', metric: 'cpu_vs_nobody', value, unit: 'ratio', at });
  }
  await server.stop();
  return samples.rows();
}

export default {
  name,
  summary: "server CPU a request with the inspector's page open, as a multiple of that without",
  options: {
    connections: 'open connections, a list (64)',
    seconds: 'length of a measured window (4)',
    rounds: 'pairs of windows, in alternating order (7)',
  },
  run,
} satisfies Bench;
