// low_importance.mjs MS THREADS: in each of so many threads, work of low importance for that long; then a line with the times of its
// steps, in milliseconds on the machine's clock.
import { isMainThread, Worker, workerData } from 'node:worker_threads';

import { reportProgress, sleep, spawn } from '../../dist/index.js';

const now = () => Number(process.hrtime.bigint() / 1000n) / 1000;
const [ms, threads] = isMainThread ? process.argv.slice(2).map(Number) : workerData;

if (isMainThread && threads > 1) {
  for (let i = 0; i < threads; i++) new Worker(new URL(import.meta.url), { workerData: [ms, 1] });
} else {
  const times = [];
  await spawn(() => {
    reportProgress(0);
    console.log('begins');
    for (const end = now() + ms; now() < end;) {
      sleep(5);
      times.push(now());
      reportProgress();
    }
  }, { importance: 'low' });
  console.log(JSON.stringify(times));
}
