// interrupts.mjs COUNT: an inspector on another thread interrupts this one COUNT times, wherever it is, while coroutines
// hand the thread to and fro, throw and compute. Prints "ok", or the first wrong value.
import { Worker } from 'node:worker_threads';

import { sleep, spawn, wait, yieldNow } from 'stackful';

const count = Number(process.argv[2]);
const answered = new Int32Array(new SharedArrayBuffer(4));
globalThis.interrupted = 0;
const worker = new Worker(
  `
  const { Session } = require('node:inspector');
  const { count, answered } = require('node:worker_threads').workerData;
  // A session alone does not keep a thread.
  setInterval(() => {}, 1e6);
  const session = new Session();
  session.connectToMainThread();
  let asked = 0;
  const ask = () => {
    if (asked++ >= count) return;
    session.post('Runtime.evaluate', { expression: 'globalThis.interrupted++, new Error("here").stack' }, (error, answer) => {
      if (error || answer.exceptionDetails) throw error ?? new Error(JSON.stringify(answer));
      if (Atomics.add(answered, 0, 1) + 1 === count) session.disconnect();
      ask();
    });
  };
  // Several under way at any time.
  for (let i = 0; i < 4; i++) ask();
  `,
  { eval: true, workerData: { count, answered } },
);
worker.on('error', (error) => { throw error; });

function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} instead of ${String(expected)}`);
}
const more = () => Atomics.load(answered, 0) < count;

const ways = [
  (n) => (yieldNow(), n),
  (n) => {
    try {
      const rise = (k) => { if (k === 0) { yieldNow(); throw new RangeError(`${n}`); } return rise(k - 1) + 1; };
      return rise(10);
    } catch (error) {
      yieldNow();
      return Number(error.message);
    }
  },
  (n) => [3, 1, 2].map((x) => x + n).sort((a, b) => (yieldNow(), a - b))[0] - 1,
  (n) => wait(Promise.resolve(n)),
  (n) => { let sum = n; for (let i = 0; i < 2000; i++) sum += i; yieldNow(); return sum - 1_999_000; },
  (n) => (sleep(0.01), n),
];
const all = Array.from({ length: 12 }, (_, n) => spawn(() => {
  for (let round = n; more(); round++) equal(ways[round % ways.length](round), round, `way ${round % ways.length}`);
  return n;
}));
for (const [n, coroutine] of all.entries()) equal(await coroutine, n, 'result');
equal(globalThis.interrupted, count, 'interruptions');
await worker.terminate();
console.log('ok');
