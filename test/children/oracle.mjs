// oracle.mjs ADDON: runs the same coroutines on the engine and on the oracle (a thread each, through v8::Locker) and
// compares every value and the order of every step. Prints "ok STEPS".
import { createRequire } from 'node:module';
import { spawn, yieldNow } from 'stackful';

import { crossings, makeScenarios } from './scenarios.mjs';

const oracle = createRequire(import.meta.url)(process.argv[2]);
const COROUTINES = 60;
const ROUNDS = 5;

/** A run's steps in order, with parks numbered by the coroutine that made them. */
function makeRun(giveWay) {
  const steps = [];
  let self;
  let seed = 99;
  const random = (n) => (seed = (seed * 16807) % 2147483647) % n;
  const park = () => {
    const me = self;
    steps.push(`${me} parks`);
    giveWay();
    self = me;
  };
  // Code that waits for promises cannot run on the oracle: the loop does not know its coroutines.
  const equal = (actual, expected, what) => steps.push(`${self} ${what} ${actual === expected}`);
  const scenarios = makeScenarios(park, random, equal);
  delete scenarios.asynchronous;
  for (const name of crossings) delete scenarios[name];
  // Node 22's V8 aborts when threads leave JSON.stringify in another order than they came, which the engine prevents.
  if (process.version.startsWith('v22.')) delete scenarios.json;
  const names = Object.keys(scenarios);
  const body = (n) => {
    self = n;
    for (let round = 0; round < ROUNDS; round++) {
      const name = names[(n + round * 5) % names.length];
      steps.push(`${n} ${name} ${JSON.stringify(scenarios[name](n))}`);
      self = n;
    }
  };
  return { steps, body };
}

const slow = makeRun(oracle.yield);
let ids = Array.from({ length: COROUTINES }, (_, n) => oracle.spawn(() => slow.body(n)));
while (ids.length > 0) ids = ids.filter((id) => oracle.resume(id));

const fast = makeRun(yieldNow);
await Promise.all(Array.from({ length: COROUTINES }, (_, n) => spawn(() => fast.body(n))));

for (const [i, step] of slow.steps.entries()) {
  if (fast.steps[i] !== step) throw new Error(`step ${i}: "${fast.steps[i]}" instead of "${step}"`);
}
if (slow.steps.length !== fast.steps.length) throw new Error('different numbers of steps');
console.log(`ok ${slow.steps.length}`);
