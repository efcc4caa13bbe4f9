// in_worker.mjs FILE ARGS...: runs another of these programs inside a worker thread, with its exit code.
import { Worker } from 'node:worker_threads';

const [file, ...argv] = process.argv.slice(2);
const worker = new Worker(new URL(file, import.meta.url), { argv });
worker.on('exit', (code) => {
  process.exitCode = code;
});
