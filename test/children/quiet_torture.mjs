// Coroutines that stay parked for several scavenges, in every kind of frame V8 has, holding old and young objects and
// putting new ones into old ones when they go on. quiet_torture.mjs COROUTINES COLLECTIONS; needs --expose-gc. Prints
// "ok CHECKS most quiet COUNT" or the first wrong value. How long they are parked is counted in collections: a machine that
// is slow makes it slow, not different.
import { sleep, spawn, stats, wait, yieldNow } from 'stackful';

import { checks, equal, random, seed, startFrom } from './checks.mjs';
import { makeScenarios } from './scenarios.mjs';

const [population, collections] = process.argv.slice(2).map(Number);
let collected = 0;
/** The coroutines that wait for the nth collection. */
const waiting = [];
startFrom(4711);

const afterCollections = (n) =>
  new Promise((resolve) => { (waiting[Math.min(collected + n, collections)] ??= []).push(resolve); });

/** Parks for some scavenges; the objects that it holds are old, middle-aged and new by turns. */
function park() {
  const id = seed;
  const holder = { list: [] };
  const times = 1 + random(4);
  for (let i = 0; i < times; i++) {
    const young = { i, text: `${id}.${i}` };
    holder.list.push(young, [i + 0.5]);
    const way = random(8);
    if (way === 0) yieldNow();
    else if (way === 1) sleep(random(8) / 4);
    else if (collected < collections) wait(afterCollections(1 + random(8)));
    equal(young.text, `${id}.${i}`, 'young');
    equal(holder.list[2 * i], young, 'young in old');
  }
  for (let i = 0; i < times; i++) equal(holder.list[2 * i].text.length + holder.list[2 * i + 1][0], `${id}.${i}`.length + i + 0.5, 'old');
}

const scenarios = makeScenarios(park, random, equal);
const names = Object.keys(scenarios);
function worker(n) {
  for (let round = 0; collected < collections; round++) {
    const [actual, expected] = scenarios[names[(n + round * 7) % names.length]](n);
    equal(actual, expected, names[(n + round * 7) % names.length]);
  }
  return n;
}

const all = Array.from({ length: population }, (_, n) => spawn(() => worker(n)));
let mostQuiet = 0;
const collector = spawn(() => {
  while (collected < collections) {
    const garbage = Array.from({ length: 50 + random(500) }, (_, i) => ({ i }));
    // Node 20 takes any argument for a minor collection.
    if (random(40)) globalThis.gc({ type: 'minor' });
    else globalThis.gc();
    mostQuiet = Math.max(mostQuiet, stats().stacksQuiet);
    equal(garbage.at(-1).i, garbage.length - 1, 'collector');
    collected++;
    for (const resolve of waiting[collected] ?? []) resolve();
    waiting[collected] = undefined;
    // Coroutines that go on get far enough to park again.
    for (let i = random(4); i >= 0; i--) yieldNow();
  }
});
for (const [n, coroutine] of all.entries()) equal(await coroutine, n, 'result');
await collector;
console.log(`ok ${checks} most quiet ${mostQuiet}`);
