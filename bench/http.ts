/** CPU per request of small keep-alive answers, beside other servers on the same core. */

import { readFileSync } from 'node:fs';
import { BenchError, note, prepareSubjects, type Bench, type Row } from './support/bench.js';
import { HTTP_BODY, HTTP_SUBJECTS } from './support/http-subjects.js';
import { WORKS, type Work } from './support/http-work.js';
import { runLoad } from './support/load.js';
import type { Options } from './support/options.js';
import { interleave, Samples } from './support/samples.js';
import { checkServer, startServer, type ServerProcess } from './support/server.js';
import { measureWindow, requireWrk } from './support/wrk.js';

const name = 'http';
/** What every other server's CPU is divided by: the least that the same kernel work can cost. */
const FLOOR = 'raw-epoll';

async function startServers(subjects: readonly string[], all = HTTP_SUBJECTS): Promise<ServerProcess[]> {
  return prepareSubjects(subjects, async (subject) => startServer(subject, await all[subject]!()));
}

interface Plan {
  readonly connectionCounts: readonly number[];
  readonly seconds: number;
  readonly rounds: number;
  readonly subjects: readonly string[];
}

/** The small answer, by wrk. */
async function measureHello({ connectionCounts, seconds, rounds, subjects }: Plan, samples: Samples): Promise<void> {
  const servers = await startServers(subjects);
  for (const server of servers) await checkServer(server, HTTP_BODY);
  for (const connections of connectionCounts) {
    for (const server of servers) {
      note(`warm-up ${server.name}, ${connections} connections`);
      await measureWindow(server, { connections, seconds: Math.ceil(seconds / 2) });
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const connections of connectionCounts) {
      const at = { connections };
      const cpu = new Map<string, number>();
      for (const server of interleave(servers, round)) {
        const { cpuPerRequest, requestsPerSecond } = await measureWindow(server, { connections, seconds });
        const figures = `${cpuPerRequest.toFixed(2)} us/request, ${Math.round(requestsPerSecond)} requests/s`;
        note(`round ${round + 1}/${rounds} ${server.name}, ${connections} connections: ${figures}`);
        const subject = server.name;
        samples.add({ subject, metric: 'cpu_us_per_request', value: cpuPerRequest, unit: 'us', at });
        samples.add({ subject, metric: 'requests_per_s', value: requestsPerSecond, unit: '1/s', at });
        cpu.set(subject, cpuPerRequest);
      }
      // Divided within a round, where both met the same machine; the median is taken over these ratios.
      const floor = cpu.get(FLOOR);
      if (floor === undefined) continue;
      for (const [subject, value] of cpu) {
        samples.add({ subject, metric: 'cpu_vs_raw_epoll', value: value / floor, unit: 'ratio', at });
      }
    }
  }
  await Promise.all(servers.map((server) => server.stop()));
}

/** Everything else, by peers/load.c. */
async function measureWork(work: Work, { connectionCounts, seconds, rounds, subjects }: Plan, samples: Samples) {
  const chosen = subjects.filter((subject) => subject in work.subjects);
  if (chosen.length === 0) return;
  const servers = await startServers(chosen, work.subjects);
  for (let round = 0; round < rounds; round++) {
    for (const connections of connectionCounts) {
      const at = { connections };
      for (const server of interleave(servers, round)) {
        const warmUp = round === 0 ? seconds / 4 : 0.2;
        const plan = { ...work.plan, connections, warmUp, seconds: seconds / 2, requestsPerConnection: 0 };
        const { cpuPerRequest, requestsPerSecond, failures } = await runLoad(server, plan);
        if (failures > 0) throw new BenchError(`${work.prefix}, ${server.name}: ${failures} connections failed`);
        const figures = `${cpuPerRequest.toFixed(2)} us/request, ${Math.round(requestsPerSecond)} requests/s`;
        note(`${work.prefix}, round ${round + 1}/${rounds} ${server.name}, ${connections} connections: ${figures}`);
        const subject = server.name;
        samples.add({ subject, metric: `${work.prefix}_cpu_us`, value: cpuPerRequest, unit: 'us', at });
        samples.add({ subject, metric: `${work.prefix}_per_s`, value: requestsPerSecond, unit: '1/s', at });
      }
    }
  }
  await Promise.all(servers.map((server) => server.stop()));
}

async function run(options: Options): Promise<Row[]> {
  const plan = {
    connectionCounts: options.numbers('connections', [64, 1000]),
    seconds: options.number('seconds', 4, 1),
    rounds: options.number('rounds', 3, 1),
    subjects: options.choice('subjects', Object.keys(HTTP_SUBJECTS)),
  };
  const works = options.choice('work', ['hello', ...Object.keys(WORKS)]);
  if (works.includes('hello')) requireWrk(Math.max(...plan.connectionCounts));

  // Of the kernel's settings the one that differs most between machines and changes what a send costs.
  const congestion = readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim();
  note(`TCP congestion control ${congestion}`);

  const samples = new Samples(name);
  for (const work of works) {
    if (work === 'hello') await measureHello(plan, samples);
    else await measureWork(WORKS[work]!(), plan, samples);
  }
  return samples.rows();
}

export default {
  name,
  summary: 'CPU microseconds per keep-alive request: 14 bytes, pipelined, a file, an echo, beside other servers',
  options: {
    connections: 'open connections, a list (64,1000)',
    seconds: 'length of a measured window; below 4 the 10 ms clock shows (4)',
    rounds: 'measured windows for each server and number of connections (3)',
    subjects: `a list of ${Object.keys(HTTP_SUBJECTS).join(', ')} (all)`,
    work: `a list of hello, ${Object.keys(WORKS).join(', ')} (all)`,
  },
  figures: [
    { title: 'A small answer', metric: 'cpu_us_per_request', label: 'server CPU, microseconds a request' },
    { title: 'A file of 8 KiB', metric: 'file_cpu_us', label: 'server CPU, microseconds a request' },
  ],
  run,
} satisfies Bench;
