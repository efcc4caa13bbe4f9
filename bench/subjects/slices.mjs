// slices.mjs SLICE SECONDS: Knot in this process (SLICE ms, 0 for none) answers small requests from another process while
// one handler computes for SECONDS. Prints samples.
import { spawn as start } from 'node:child_process';
import { once } from 'node:events';
import { configure } from 'stackful';
import { serve } from 'stackful/http';

const [slice, seconds] = process.argv.slice(2).map(Number);
configure({ timeSlice: slice });

function compute(ms) {
  let x = 0;
  const end = Date.now() + ms;
  while (Date.now() < end) for (let i = 1; i < 10_000; i++) x += Math.sqrt(i) % 3;
  return x;
}

const server = serve(({ path }) => (path === '/compute' ? String(compute(seconds * 1000)) : 'Hello, World!\n'), { port: 0 });
const small = new URL('../support/small-requests.mjs', import.meta.url).pathname;
const client = start(process.execPath, [small, String(server.port), String(seconds), '/compute'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let output = '';
client.stdout.setEncoding('utf8').on('data', (chunk) => (output += chunk));
await once(client, 'close');
const { p50, p99, computed } = JSON.parse(output);
const subject = slice === 0 ? 'without' : `${slice} ms`;
console.log(JSON.stringify([
  { subject, metric: 'latency_p50_ms', value: p50, unit: 'ms' },
  { subject, metric: 'latency_p99_ms', value: p99, unit: 'ms' },
  { subject, metric: 'computation_ms', value: computed, unit: 'ms' },
]));
process.exit(0);
