// node inspected_policies.mjs: coroutines of several kinds, which are always ready, and an inspector; prints the inspector's address.
// A line on stdin puts a policy in force: its name, or "own" for one of the application.
import { createInterface } from 'node:readline';

import { BvtGroup, configure, expectWork, reportProgress, sleep, spawn, yieldNow } from 'stackful';
import { inspect } from 'stackful/inspect';

configure({ schedulingPolicy: 'fifo', batchBudget: 2 });

const paying = new BvtGroup({ weight: 3, name: 'paying tenant' });
const free = new BvtGroup({ name: 'free tenant' });

function compute() {
  const until = performance.now() + 0.5;
  while (performance.now() < until);
}

function work(ms) {
  for (;;) {
    expectWork(ms);
    compute();
    yieldNow();
  }
}

configure({ schedulingPolicy: 'bvt' });
for (let i = 0; i < 3; i++) spawn(() => work(10), { name: `paid ${i}`, priority: 'normal', bvt: paying });
for (let i = 0; i < 3; i++) spawn(() => work(80), { name: `free ${i}`, priority: 'low', bvt: free });
configure({ schedulingPolicy: 'fifo' });

// It is as fast as usual until it is told to be slow.
let pause = 5;
spawn(() => {
  for (;;) {
    sleep(pause);
    reportProgress();
  }
}, { name: 'indexer', importance: 'low' });

class OldestTenantFirst {
  held = [];
  ready(coroutine) { this.held.push(coroutine); }
  next() { return this.held.shift(); }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'slow') pause = 60;
  else configure({ schedulingPolicy: line === 'own' ? new OldestTenantFirst() : line });
});
process.stdin.on('end', () => process.exit());

console.log(inspect({ port: 0 }).url);
