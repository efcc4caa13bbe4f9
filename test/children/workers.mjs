// workers.mjs COUNT: starts workers that hold many parked coroutines and terminates them at odd moments; then lets some
// end by themselves. Prints "ok" and the growth of the number of open descriptors.
import { readdirSync } from 'node:fs';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const count = Number(process.argv[2]);
const source = (mode) => `
  import { parentPort } from 'node:worker_threads';
  import { sleep, spawn, wait, yieldNow } from 'stackful';
  const deep = (n, f) => (n === 0 ? f() : [n].map((k) => deep(k - 1, f)));
  for (let i = 0; i < 300; i++) spawn(() => deep(i % 20, () => sleep(1e6)));
  for (let i = 0; i < 100; i++) spawn(() => wait(new Promise(() => {})));
  if (${mode} === 0) for (let i = 0; i < 2; i++) spawn(() => { for (;;) yieldNow(); });
  if (${mode} === 1) spawn(() => { parentPort.postMessage('running'); for (;;) for (let i = 0; i < 1e6; i++); });
  if (${mode} === 2) spawn(() => { for (;;) sleep(0.2); });
  if (${mode} === 3) spawn(() => (sleep(3), process.exit(5)));
  if (${mode} === 4) setInterval(() => { for (let i = 0; i < 1e5; i++); }, 1);
  spawn(() => { sleep(1); parentPort.postMessage('running'); });
  ${'' /* mode 5 ends by itself: everything left waits for promises */}
`;
const script = (mode) => {
  const quiet = `import { spawn, wait } from 'stackful'; import { parentPort } from 'node:worker_threads';
    for (let i = 0; i < 100; i++) spawn(() => wait(new Promise(() => {})));
    parentPort.postMessage('running');`;
  // The package is resolved from this folder, which a data: URL would not do.
  return new URL(`data:text/javascript,${encodeURIComponent((mode === 5 ? quiet : source(mode)).replaceAll("'stackful'", `'${import.meta.resolve('stackful')}'`))}`);
};

async function one(i) {
  const mode = i % 6;
  const worker = new Worker(script(mode));
  const exited = once(worker, 'exit');
  const failed = once(worker, 'error').then(([error]) => { throw error; });
  failed.catch(() => {});
  // Not before: a worker that is terminated while it loads modules leaves their descriptors open, of any modules.
  await Promise.race([once(worker, 'message'), exited, failed]);
  if (mode === 3 || mode === 5) {
    const [code] = await exited;
    if (code !== (mode === 3 ? 5 : 0)) throw new Error(`mode ${mode}: exit code ${code}`);
  } else {
    await new Promise((resolve) => setTimeout(resolve, (i * 7) % 11));
    await worker.terminate();
  }
}

const descriptors = () => readdirSync('/proc/self/fd').length;
for (let i = 0; i < 6; i++) await one(i);
const before = descriptors();
for (let i = 0; i < count; i += 2) await Promise.all([one(i), one(i + 1)]);
// A worker's last descriptors close after its 'exit' event.
for (let i = 0; i < 100 && descriptors() > before; i++) await new Promise((resolve) => setTimeout(resolve, 50));
console.log(`ok ${descriptors() - before}`);
