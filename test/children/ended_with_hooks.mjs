// ended_with_hooks.mjs: workers that end, and scripts whose time is up, in the middle of coroutines that async hooks or stores follow.
// Prints "ok N", the number of ends.
import { createHook, AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createContext, runInContext } from 'node:vm';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { sleep, spawn, yieldNow } from 'stackful';

const lives = {
  computes: () => { for (;;); },
  yields: () => { for (;;) yieldNow(); },
  waits: () => sleep(1e6),
  spawns: () => { for (;;) { try { spawn(() => { throw new Error('a mistake'); }).join(); } catch { /* the mistake */ } } },
  limited: () => { for (;;) { try { runInContext('for (;;);', createContext(), { timeout: 1 }); } catch { /* its time is up */ } } },
};
const followed = { hooks: [true, false], stores: [false, true], both: [true, true] };
const ends = { terminate: 1, exit: 5 };

function live(by, life, end) {
  const [hooked, stored] = followed[by];
  if (hooked) createHook({ init() {}, destroy() {}, before() {}, after() {} }).enable();
  const store = new AsyncLocalStorage();
  const begin = () => {
    for (let i = 0; i < 3; i++) spawn(lives[life]);
    if (end === 'exit') spawn(() => { sleep(2); process.exit(5); });
  };
  parentPort.postMessage('begun');
  if (stored) store.run({}, begin);
  else begin();
}

if (isMainThread) {
  let ended = 0;
  for (const by of Object.keys(followed)) {
    for (const life of Object.keys(lives)) {
      for (const end of Object.keys(ends)) {
        // Nobody else gets a turn for exit() to be called in.
        if (end === 'exit' && (life === 'computes' || life === 'limited')) continue;
        const worker = new Worker(new URL(import.meta.url), { argv: [by, life, end] });
        const exited = once(worker, 'exit');
        await once(worker, 'message');
        if (end === 'terminate') setTimeout(() => worker.terminate(), 10);
        const [code] = await exited;
        if (code !== ends[end]) throw new Error(`${by}, ${life}, ${end}: ${code}`);
        ended++;
      }
    }
  }
  console.log('ok', ended);
} else {
  live(...process.argv.slice(2));
}
