// small-requests.mjs PORT SECONDS [PATH]: sends a request every two milliseconds, on connections of their own, while one other
// request, for PATH, computes for SECONDS. A request counts from when it was to be sent. Prints the latencies in milliseconds.
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const [port, seconds] = process.argv.slice(2).map(Number);
const computing = process.argv[4];
const agent = new Agent({ keepAlive: true, maxSockets: 200 });

function request(path) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path, agent }, (response) => {
      response.resume().on('end', () => { resolve(performance.now() - began); });
    }).on('error', reject);
  });
}

for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 10 }, () => request('/')));
const computation = computing && request(computing);
await delay(20);
const latencies = [];
const pending = [];
for (const end = performance.now() + seconds * 900; performance.now() < end; await delay(2)) {
  pending.push(request('/').then((ms) => latencies.push(ms)));
}
await Promise.all(pending);
const computed = await computation;
latencies.sort((a, b) => a - b);
const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))];
console.log(JSON.stringify({ p50: at(0.5), p99: at(0.99), computed }));
