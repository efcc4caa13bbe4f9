import { Worker } from 'node:worker_threads';

const library = new URL('../../dist/index.js', import.meta.url).href;

/** Runs `body`, with `SharedChannel`, `spawn` and the channels of these handles, in a worker. */
export function worker(handles: SharedArrayBuffer[], body: string): Promise<void> {
  const source = `
    import { workerData } from 'node:worker_threads';
    import { SharedChannel, spawn } from ${JSON.stringify(library)};
    const channels = workerData.map((handle) => SharedChannel.from(handle));
    await spawn(() => { ${body} });`;
  const one = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: handles });
  return new Promise((resolve, reject) => one.on('exit', () => { resolve(); }).on('error', reject));
}
