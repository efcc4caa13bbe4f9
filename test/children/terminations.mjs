// terminations.mjs COUNT: terminates workers in which coroutines hand the thread to and fro, each at another moment: as
// they switch, throw, compute, enter a native function, begin or end. Prints "ok COUNT terminated", or which one hung.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const count = Number(process.argv[2]);
const ABREAST = 4;
/** No worker takes that long, however busy the machine. */
const HUNG_MS = 60_000;

const source = `
  import { parentPort, workerData } from 'node:worker_threads';
  import { sleep, spawn, yieldNow } from ${JSON.stringify(import.meta.resolve('stackful'))};
  const ways = [
    () => yieldNow(),
    () => { try { yieldNow(); throw new Error('thrown'); } catch { yieldNow(); } finally { yieldNow(); } },
    () => [2, 1, 3].sort((a, b) => (yieldNow(), a - b)),
    () => { yieldNow(); for (let i = 0; i < 1000; i++); },
    () => { try { sleep(0.01); } finally { for (;;) yieldNow(); } },
    () => spawn(() => { try { spawn(() => {}).join(); } finally { yieldNow(); } }).join(),
  ];
  for (let k = 0; k < 2; k++) {
    const way = ways[(workerData + k * (workerData % 3)) % ways.length];
    spawn(() => { for (;;) try { way(); } catch {} });
  }
  spawn(() => { yieldNow(); parentPort.postMessage('switching'); });
`;
const script = new URL(`data:text/javascript,${encodeURIComponent(source)}`);

/** Busy, because a timer would end it at the same moments of the loop, always. */
function pause(microseconds) {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end);
}

async function terminate(n) {
  const worker = new Worker(script, { workerData: n });
  const failed = once(worker, 'error').then(([error]) => { throw error; });
  failed.catch(() => {});
  const exited = once(worker, 'exit');
  // Not before: a worker that is terminated while it loads modules leaves their descriptors open, of any modules.
  await Promise.race([once(worker, 'message'), failed]);
  pause((n * 37) % 500);
  let timer;
  const hung = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`number ${n} hung`)), HUNG_MS); });
  await Promise.race([worker.terminate(), failed, hung]);
  await Promise.race([exited, hung]);
  clearTimeout(timer);
}

let next = 0;
async function several() {
  while (next < count) await terminate(next++);
}

try {
  await Promise.all(Array.from({ length: ABREAST }, several));
  console.log(`ok ${next} terminated`);
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
