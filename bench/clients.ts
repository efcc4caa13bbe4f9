/** Figure 3 of the paper: a static site's bandwidth and cost against the number of simultaneous clients. */

import { note, prepareSubjects, Unavailable, type Bench, type Row } from './support/bench.js';
import { makeFileSet } from './support/file-set.js';
import { CLIENTS_SUBJECTS } from './support/http-subjects.js';
import { runLoad, type LoadWindow } from './support/load.js';
import type { Options } from './support/options.js';
import { openFilesLimit } from './support/process.js';
import { interleave, Samples } from './support/samples.js';
import { startServer } from './support/server.js';

const name = 'clients';
/** Of the descriptors a process may have, so many are not for clients. */
const SPARE_DESCRIPTORS = 200;

function defaultCounts(): number[] {
  const most = openFilesLimit() - SPARE_DESCRIPTORS;
  const counts = [1, 4, 16, 64, 256, 1024, 4096, 16384].filter((count) => count <= most);
  // On to what descriptors allow, when that is more than the last by a figure's worth.
  if (most > counts.at(-1)! * 1.1 && most < 100_000) counts.push(most);
  return counts;
}

async function run(options: Options): Promise<Row[]> {
  const rounds = options.number('rounds', 1);
  const seconds = options.number('milliseconds', 1500, 700) / 1000;
  const counts = options.numbers('clients', defaultCounts(), [1, 64, 1024]);
  const requestsPerConnection = options.number('requests', 100);
  const files = makeFileSet();
  const subjects = await prepareSubjects(
    options.choice('subjects', Object.keys(CLIENTS_SUBJECTS)),
    async (subject) => ({ subject, command: await CLIENTS_SUBJECTS[subject]!(files.directory) }),
  );

  const samples = new Samples(name);
  for (let round = 0; round < rounds; round++) {
    for (const { subject, command } of interleave(subjects, round)) {
      // One server at a time, and a new one each round: what 16,384 connections leave behind is not the next one's.
      const server = await startServer(subject, command);
      for (const clients of counts) {
        const at = { clients };
        const plan = { connections: clients, warmUp: seconds / 3, seconds, requestsPerConnection, depth: 1 };
        let window: LoadWindow;
        try {
          window = await runLoad(server, { ...plan, method: 'GET', paths: files.paths });
        } catch (error) {
          if (!(error instanceof Unavailable)) throw error;
          note(`left out ${error.message}`);
          continue;
        }
        const megabits = (window.bytesPerSecond * 8) / 1e6;
        const rate = Math.round(window.requestsPerSecond);
        const cpu = window.cpuPerRequest.toFixed(2);
        note(`round ${round + 1}/${rounds} ${subject}, ${clients} clients: ${Math.round(megabits)} Mbit/s, ${rate} requests/s, ${cpu} us`);
        if (window.failures > 0) {
          note(`${subject}, ${clients} clients: ${window.failures} connections ended without their answer`);
          samples.add({ subject, metric: 'failed_connections', value: window.failures, unit: 'count', at });
        }
        samples.add({ subject, metric: 'megabits_per_s', value: megabits, unit: 'Mbit/s', at });
        samples.add({ subject, metric: 'requests_per_s', value: window.requestsPerSecond, unit: '1/s', at });
        samples.add({ subject, metric: 'cpu_us_per_request', value: window.cpuPerRequest, unit: 'us', at });
      }
      await server.stop();
    }
  }
  return samples.rows();
}

export default {
  name,
  summary: 'figure 3: bandwidth of static files against the number of clients, beside other servers',
  options: {
    clients: 'simultaneous connections, a list (1,4,...,16384 and what descriptors allow)',
    milliseconds: 'length of a measured window (1500)',
    requests: 'on a connection before it is closed and opened anew (100)',
    rounds: 'measured windows for each server and number of clients (1)',
    subjects: `a list of ${Object.keys(CLIENTS_SUBJECTS).join(', ')} (all)`,
  },
  figures: [
    {
      title: 'Bandwidth of static files, server on one core',
      metric: 'megabits_per_s',
      label: 'Mbit/s',
      x: 'clients',
      xLabel: 'simultaneous clients',
    },
    {
      title: 'Server CPU per request',
      metric: 'cpu_us_per_request',
      label: 'microseconds',
      x: 'clients',
      xLabel: 'simultaneous clients',
    },
  ],
  run,
} satisfies Bench;
