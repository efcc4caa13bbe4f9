// admission_ends.mjs (worker | process): ends while coroutines are held.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { admit, configure, spawn, stats, yieldNow } from 'stackful';

const how = isMainThread ? process.argv[2] : workerData;

function hold(then) {
  configure({ admission: true });
  spawn(() => {
    for (;;) {
      for (const end = performance.now() + 1; performance.now() < end;);
      yieldNow();
    }
  });
  spawn(() => {
    while (!stats().admission.short.includes('cpu')) {
      admit('look', () => undefined);
      yieldNow();
    }
    for (let i = 0; i < 50; i++) spawn(() => admit('work', () => undefined));
    yieldNow();
    then(stats().admission.edges.find(({ name }) => name === 'work').held);
  });
}

if (!isMainThread) {
  hold((held) => parentPort.postMessage(held));
} else if (how === 'worker') {
  const worker = new Worker(new URL(import.meta.url), { workerData: how });
  worker.once('message', async (held) => {
    await worker.terminate();
    console.log(held > 0);
  });
} else {
  hold((held) => {
    console.log(held > 0);
    process.exit(0);
  });
}
