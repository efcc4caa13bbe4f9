// reuse_torture.mjs ROUNDS: coroutines that begin and end all the time, so that most run on a stack where others have
// ended, in numbers that make some of the stacks new. Needs --expose-gc. Prints "ok CHECKS" or the first wrong value.
import { AsyncLocalStorage } from 'node:async_hooks';
import { CoroutineLocal, configure, scope, spawn, yieldNow } from 'stackful';

import { checks, equal, random, startFrom } from './checks.mjs';

const rounds = Number(process.argv[2]);
const store = new AsyncLocalStorage();
const local = new CoroutineLocal();
startFrom(42);

const deep = (n) => (n === 0 ? (yieldNow(), 0) : deep(n - 1) + 1);

/** Bodies of coroutines; each returns its argument. */
const lives = [
  (n) => n,
  (n) => { const held = { text: `n${n}` }; yieldNow(); return Number(held.text.slice(1)); },
  (n) => { equal(deep(n % 50), n % 50, 'deep'); return n; },
  (n) => [3, 1, 2].sort((a, b) => (yieldNow(), a - b)).length - 3 + n,
  (n) => spawn(() => spawn(() => ({ n })).join()).join().n,
  (n) => store.run({ n }, () => { yieldNow(); return spawn(() => (yieldNow(), store.getStore().n)).join(); }),
  (n) => local.run(n, () => (yieldNow(), local.get())),
  (n) => { try { return spawn(() => { throw { n }; }).join(); } catch (error) { return error.n; } },
  (n) => { const c = spawn(() => { for (;;) yieldNow(); }); yieldNow(); c.cancel(); try { c.join(); } catch { return n; } },
  (n) => scope((s) => { const a = s.spawn(() => (yieldNow(), n)); s.spawn(() => 1); return a.join(); }),
  (n) => { const all = Array.from({ length: 40 }, (_, i) => spawn(() => i + n)); return all.at(-1).join() - 39; },
  (n) => spawn(() => deep(20) - 20 + n, { stackSize: 512 * 1024 }).join(),
  (n) => { const end = spawn(() => (yieldNow(), n)); const two = [1, 2].map(() => spawn(() => end.join())); return two[0].join() + two[1].join() - end.join(); },
];

await spawn(() => {
  for (let round = 0; round < rounds; round++) {
    const batch = Array.from({ length: 1 + random(round % 7 === 0 ? 60 : 4) }, () => random(lives.length));
    const all = batch.map((life, i) => spawn(() => lives[life](round + i)));
    // Nothing of those that ended before may be seen in one that begins.
    equal(store.getStore(), undefined, 'store');
    equal(spawn(() => `${store.getStore()} ${local.get()}`).join(), 'undefined undefined', 'fresh');
    all.forEach((c, i) => equal(c.join(), round + i, `life ${batch[i]}`));
    if (round % 50 === 0) globalThis.gc({ type: random(2) ? 'minor' : 'major' });
    if (round % 97 === 0) configure({ spawnSites: round % 2 === 0 });
  }
});

// A resting stack keeps nothing of the coroutine that ran on it.
configure({ spawnSites: false });
let collected = 0;
const registry = new FinalizationRegistry(() => collected++);
const COUNT = 40;
await spawn(() => {
  for (let i = 0; i < COUNT; i++) {
    const held = { i };
    registry.register(held, i);
    const c = spawn(() => (store.enterWith(held), held));
    registry.register(c, i);
    c.join();
  }
});
for (let i = 0; i < 100 && collected < 2 * COUNT; i++) {
  globalThis.gc();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
// Interpreted frames still hold objects of the last coroutine at most.
if (collected < 2 * COUNT - 2) throw new Error(`only ${collected} of ${2 * COUNT} were collected`);
console.log(`ok ${checks}`);
