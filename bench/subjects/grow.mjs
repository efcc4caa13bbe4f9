// grow.mjs COUNT KIB: coroutines that each go KIB deep once, park there and come back. Needs --expose-gc.
import { setTimeout as delay } from 'node:timers/promises';
import { current, spawn, wait, yieldNow } from 'stackful';
import { residentBytes } from '../support/parked-memory.mjs';

const [count, kib] = process.argv.slice(2).map(Number);
const YIELDS = Math.ceil(1_000_000 / count);
const SECOND = 1000;
const GIVE_UP_MS = 10_000;
const stackSize = 1 << 20;

/** Where all coroutines park until they are let through. */
class Gate {
  #arrived = 0;
  #promise = new Promise((open) => (this.open = open));
  pass() {
    this.#arrived++;
    wait(this.#promise);
  }
  async all() {
    while (this.#arrived < count) await delay(1);
  }
}

/**
 * Goes down until as many bytes of the stack are in memory, and parks there. Returns how many levels it was. Its locals are
 * small integers: objects in three million frames would be 70 MB of V8's heap, which keeps what it once had.
 */
function descend(level, bytes, park) {
  const local = level ^ 0x5555;
  let deepest = level;
  if (level % 64 === 0 && current().stackUse().resident >= bytes) park();
  else deepest = descend(level + 1, bytes, park);
  if ((local ^ 0x5555) !== level) throw new Error(`level ${level} came back as ${local ^ 0x5555}`);
  return deepest;
}

const gates = { warm: new Gate(), before: new Gate(), deep: new Gate(), returned: new Gate(), after: new Gate() };
let started = 0;
let began;
let switchNs;

/** Every coroutine gives way in turn. The clock starts when all have started. */
function giveWay() {
  if (++started % count === 0) began = performance.now();
  yieldNow();
  for (let i = 0; i < YIELDS; i++) yieldNow();
  // The last to come here is the one that counts.
  switchNs = ((performance.now() - began) * 1e6) / (YIELDS * count);
}

function body() {
  giveWay();
  gates.warm.pass();
  giveWay();
  gates.before.pass();
  descend(1, kib * 1024, () => gates.deep.pass());
  gates.returned.pass();
  giveWay();
  gates.after.pass();
  return true;
}

/** Garbage of JavaScript is not what this is about. */
function resident() {
  globalThis.gc();
  return residentBytes();
}

// The code is compiled and the parts that are made once are there before the first reading.
await spawn(() => descend(1, kib * 1024, yieldNow), { stackSize });
const all = Array.from({ length: count }, () => spawn(body, { stackSize }));
await gates.warm.all();
gates.warm.open();
await gates.before.all();
const switchBefore = switchNs;
await delay(2 * SECOND);
const before = resident();

gates.before.open();
await gates.deep.all();
const deep = resident();
if (deep - before < count * kib * 1024 * 0.95) throw new Error('the stacks did not get as deep as they should');

gates.deep.open();
await gates.returned.all();
const returned = performance.now();
let back;
let after;
while (after === undefined || back === undefined) {
  await delay(20);
  const ms = performance.now() - returned;
  if (after === undefined && ms >= SECOND) after = resident();
  if (back === undefined && process.memoryUsage.rss() <= before * 1.1) back = ms;
  if (ms > GIVE_UP_MS) throw new Error(`memory was not back after ${GIVE_UP_MS} ms`);
}

gates.returned.open();
await gates.after.all();
const switchAfter = switchNs;
gates.after.open();
for (const one of all) if ((await one) !== true) throw new Error('a coroutine did not come to its end');

const subject = 'stackful';
const at = { coroutines: count };
const bytes = (metric, value) => ({ subject, metric, value, unit: 'bytes', at });
console.log(
  JSON.stringify([
    bytes('rss_before', before),
    bytes('rss_deep', deep),
    bytes('rss_after_1_s', after),
    { subject, metric: 'rss_after_vs_before', value: after / before, unit: 'ratio', at },
    { subject, metric: 'back_within_10_percent_ms', value: back, unit: 'ms', at },
    { subject, metric: 'switch_before_ns', value: switchBefore, unit: 'ns', at },
    { subject, metric: 'switch_after_ns', value: switchAfter, unit: 'ns', at },
  ]),
);
