// Starts a worker, lets its coroutines run for a moment, terminates it wherever they are; and again.
import { Worker } from 'node:worker_threads';
import { sleep, timeout, wait } from 'stackful';
import { randomFrom } from './random.mjs';
import { counts, equal } from './rounds.mjs';

const ENDS_BY_ITSELF = 8;
const STUCK_MS = 60_000;

/** Inside a coroutine, until `over()`. `inBetween()` is called when there is no worker. */
export function restartWorkers({ seed, over, inBetween }) {
  const random = randomFrom(seed + 1);
  while (!over()) {
    const byItself = random(ENDS_BY_ITSELF) === 0;
    const yields = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { yields, byItself } });
    const exited = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
    const running = new Promise((resolve) => worker.once('message', resolve));
    timeout(STUCK_MS, () => {
      wait(Promise.race([running, exited]));
      if (!byItself) {
        sleep(random(200) / 10);
        wait(worker.terminate());
      }
      equal(wait(exited), byItself ? 7 : 1, 'exit code of a worker');
    });
    counts.workers++;
    counts.workerYields += Atomics.load(yields, 0);
    inBetween();
  }
}
