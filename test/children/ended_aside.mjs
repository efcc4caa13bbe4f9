// ended_aside.mjs WHERE: a worker that ends in JavaScript which runs between coroutines, before a coroutine that never ends by
// itself: in a call that the library makes to Node once, in a hook of a turn, in a promise callback of a batch. Prints its exit code.
import async_hooks from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const where = process.argv[2];
/** No worker takes that long, however busy the machine. */
const HUNG_MS = 60_000;

/** Once: execution ends as the call returns. */
let armed = true;
function end() {
  if (!armed) return;
  armed = false;
  parentPort.postMessage('ends');
  process.exit(7);
}

const places = {
  async asked() {
    const ask = async_hooks.executionAsyncResource;
    let batches = false;
    async_hooks.executionAsyncResource = () => {
      if (batches) end();
      return ask();
    };
    syncBuiltinESMExports();
    const { spawn } = await import('stackful');
    batches = true;
    spawn(() => { for (;;); });
  },
  async hook() {
    const { spawn } = await import('stackful');
    async_hooks.createHook({ before() { end(); } }).enable();
    spawn(() => { for (;;); });
  },
  async microtask() {
    const { spawn, yieldNow } = await import('stackful');
    spawn(() => {
      // The first callback ends the worker, the second would let the loop begin.
      queueMicrotask(() => { spawn(() => { for (;;); }); end(); });
      yieldNow();
    });
  },
};

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { argv: [where] });
  let ends = false;
  worker.on('message', () => { ends = true; });
  const hung = setTimeout(() => { console.log('hung'); process.exit(1); }, HUNG_MS);
  worker.on('exit', (code) => {
    clearTimeout(hung);
    console.log(ends, code);
  });
} else {
  await places[where]();
}
