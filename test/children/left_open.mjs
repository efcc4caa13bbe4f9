// left_open.mjs: a worker ends while its coroutines have files open, most of them in the middle of reading one. Prints how many of
// those files this process has open in the end.
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

if (isMainThread) {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-'));
  const path = join(directory, 'large');
  writeFileSync(path, Buffer.alloc(3_000_000));
  const open = () => readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // the descriptor that lists the directory
    }
  }).length;
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: path });
    await once(worker, 'message');
    while (open() < 10) await new Promise((resolve) => setTimeout(resolve, 1));
    await worker.terminate();
  }
  // A thread of the pool may have one for some time.
  for (let i = 0; i < 500 && open() > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  console.log(`${open()} open`);
  rmSync(directory, { recursive: true });
} else {
  const { spawn } = await import('stackful');
  const { open, readFile } = await import('stackful/fs');
  const files = [];
  for (let i = 0; i < 10; i++) spawn(() => { files.push(open(workerData, 'r+')); for (;;) files[i].sync(); });
  // Each reads in pieces, and gives way between them.
  for (let i = 0; i < 50; i++) spawn(() => { for (;;) readFile(workerData); });
  parentPort.postMessage('running');
}
