// late_starts.mjs ADDON FUNCTION MOST: the library starts in an environment in which that function of the addon's has been called
// with a number, for each from 1 to MOST, in a worker thread of its own; prints the numbers with which it did not start.
import { createRequire } from 'node:module';
import { Worker, isMainThread, workerData } from 'node:worker_threads';

if (isMainThread) {
  const [addon, name, most] = process.argv.slice(2);
  for (let number = 1; number <= Number(most); number++) {
    await new Promise((done) => {
      new Worker(new URL(import.meta.url), { workerData: { addon, name, number } })
        .on('error', (error) => { console.log(number, error.message); })
        .on('exit', done);
    });
  }
} else {
  createRequire(import.meta.url)(workerData.addon)[workerData.name](undefined, workerData.number);
  const { sleep, spawn } = await import('stackful');
  await spawn(() => { sleep(1); });
}
