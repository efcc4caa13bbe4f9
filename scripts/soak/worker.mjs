// A worker of the soak: pairs of coroutines that give way to each other for ever, others that spawn, throw, sleep.
import { parentPort, workerData } from 'node:worker_threads';
import { sleep, spawn, wait, yieldNow } from 'stackful';

const { yields, byItself } = workerData;

function equal(actual, expected) {
  if (actual !== expected) throw new Error(`in a worker: ${String(actual)} instead of ${String(expected)}`);
}

/** A failure in a coroutine is an unhandled rejection, and so the worker's 'error'. */
const ping = (n) => {
  const kept = { n };
  for (;;) {
    for (let i = 0; i < 64; i++) yieldNow();
    Atomics.add(yields, 0, 64);
    equal(kept.n, n);
  }
};
const deep = (n, f) => (n === 0 ? f() : [n].map((k) => deep(k - 1, f))[0]);

for (let n = 0; n < 4; n++) spawn(() => ping(n));
for (let n = 0; n < 20; n++) spawn(() => deep(n, () => sleep(1e6)));
for (let n = 0; n < 20; n++) spawn(() => deep(n, () => wait(new Promise(() => {}))));
spawn(() => {
  for (let n = 0; ; n++) {
    equal(spawn(() => deep(n % 10, () => (yieldNow(), n))).join(), n);
    try {
      spawn(() => { throw n; }).join();
    } catch (error) {
      equal(error, n);
    }
  }
});
spawn(() => {
  sleep(0.5);
  parentPort.postMessage('running');
  sleep(5);
  if (byItself) process.exit(7);
});
