// Coroutines that hold values across parks in every kind of frame V8 has, while garbage is collected, functions are
// deoptimised under parked frames and wasm tiers up. torture.mjs COROUTINES ROUNDS; prints "ok CHECKS" or the first
// wrong value.
import { Coroutine, coroutines, sleep, spawn, stats, wait, yieldNow } from 'stackful';

import { checks, equal, random, seed, startFrom } from './checks.mjs';
import { makeScenarios } from './scenarios.mjs';

const [population, rounds] = process.argv.slice(2).map(Number);
startFrom(12345);

/** Node 20 takes any argument of gc() for a minor collection. */
function collect(full) {
  if (full) globalThis.gc();
  else globalThis.gc({ type: 'minor' });
}

/** Parks in one of the ways there are, and leaves garbage behind. */
function park() {
  const before = [seed, { seed }];
  switch (random(8)) {
    case 0:
      sleep(random(3) / 2);
      break;
    case 1:
      equal(wait(Promise.resolve(before[0])), before[0], 'wait');
      break;
    case 2:
      equal(spawn(() => before[1].seed).join(), before[0], 'join');
      break;
    default:
      yieldNow();
  }
  equal(before[1].seed, before[0], 'park');
}

const scenarios = makeScenarios(park, random, equal);
const names = Object.keys(scenarios);

function worker(n) {
  for (let round = 0; round < rounds; round++) {
    const name = names[(n + round * 7) % names.length];
    const kept = { n, name };
    const [actual, expected] = scenarios[name](n);
    equal(actual, expected, `${name}(${n})`);
    equal(kept.n, n, 'kept');
    if (globalThis.gc && random(200) === 0) collect(random(2) === 0);
  }
  return n;
}

const all = Array.from({ length: population }, (_, n) => spawn(() => worker(n)));
// The host's own timers and promises go on meanwhile.
let ticks = 0;
const timer = setInterval(() => ticks++, 1);
for (const [n, coroutine] of all.entries()) equal(await coroutine, n, 'result');
clearInterval(timer);
equal(coroutines().length, 0, 'live coroutines');
equal(stats().live, 0, 'live');
equal(all[0] instanceof Coroutine && all[0].state, 'done', 'state');
console.log(`ok ${checks}`);
