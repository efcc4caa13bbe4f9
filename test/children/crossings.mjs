// crossings.mjs ADDON WHAT: coroutines that park below frames of others and go on in another order than they came, first in,
// first out and at random, among collections. Prints "ok" or throws.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { sleep, spawn, yieldNow } from 'stackful';
import { random, startFrom } from './checks.mjs';

const [path, what] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(path);
const collect = globalThis.gc ?? (() => {});
const COUNT = 40;

/** Parks a few times, so that the one that began first ends first (`i` is small), or in any order, and returns `i`. */
const inOrder = (i) => { sleep(2 + 2 * i); return i; };
const inAnyOrder = (i) => {
  for (let k = random(6); k >= 0; k--) {
    if (random(4) === 0) sleep(random(3));
    else yieldNow();
    if (random(20) === 0) collect(random(2) === 0 ? { type: 'minor' } : undefined);
  }
  return i;
};

async function all(body, expected) {
  for (const [park, count] of [[inOrder, 3], [inAnyOrder, COUNT]]) {
    const results = await Promise.all(Array.from({ length: count }, (_, i) => spawn(() => body(park, i))));
    results.forEach((result, i) => { assert.equal(result, typeof expected === 'function' ? expected(i) : expected); });
  }
}

/** An error thrown after the park arrives, and the addon goes on as it would without a park. */
const throwing = (park) => (i) => { park(i); throw new Error(`thrown ${String(i)}`); };
function caught(call) {
  try { return call(); } catch (error) { return error.message; }
}

const programs = {
  plain: () => all((park, i) => addon.plain(park, i), (i) => i),
  scoped: () => all((park, i) => addon.scoped(park, i), (i) => i),
  'scoped, thrown': () => all((park, i) => caught(() => addon.scoped(throwing(park), i)), (i) => `thrown ${String(i)}`),
  escapable: () => all((park, i) => addon.escapable(park, i), (i) => i),
  callbackScope: () => all((park, i) => addon.callbackScope(park, i), (i) => i),
  makeCallback: () => all((park, i) => addon.makeCallback(park, i), (i) => i),
  inCatch: () => all((park, i) => addon.inCatch(park, i), 'same'),
  inUnwinding: () => all((park, i) => addon.inUnwinding(park, i), '110'),
  rounding: () => all((park, i) => addon.rounding((n) => { park(n); assert.equal(addon.roundingNow(), 'another'); }, i), 'same'),
  localised: () => all((park, i) => addon.localised(park, i), 'same'),
  // One inside the other, of several kinds, to a depth that differs.
  nested: () => all(function enter(park, i, depth = 1 + (i % 4)) {
    const kinds = ['plain', 'scoped', 'escapable', 'inCatch', 'rounding', 'inUnwinding', 'localised'];
    const kind = kinds[(i + depth) % kinds.length];
    const expected = { inCatch: 'same', rounding: 'same', inUnwinding: '110', localised: 'same' }[kind] ?? i;
    assert.equal(addon[kind]((n) => { park(n); if (depth > 0) enter(park, n, depth - 1); park(n); return n; }, i), expected);
    return i;
  }, (i) => i),
  // V8 calls it through Node's C++, and formats errors that are made inside it without it.
  prepareStackTrace: async () => {
    Error.prepareStackTrace = (error) => { error.park?.(); return `formatted ${error.message} ${String(new Error('inner').stack).split('\n')[0]}`; };
    const stackOf = (message, park) => Object.assign(new Error(message), { park }).stack;
    try {
      await all((park, i) => stackOf(i, () => park(i)), (i) => `formatted ${String(i)} Error: inner`);
      const first = spawn(() => stackOf('first', () => sleep(20)));
      await spawn(() => { yieldNow(); });
      assert.equal(stackOf('main'), 'formatted main Error: inner');
      assert.equal(await first, 'formatted first Error: inner');
    } finally {
      delete Error.prepareStackTrace;
    }
  },
  // The other coroutines see nothing of it.
  others: async () => {
    const seen = new Set();
    const inside = [addon.rounding, addon.localised, addon.inCatch].map((crossing) => spawn(() => crossing(() => sleep(20), 1)));
    const look = () => seen.add(`${addon.roundingNow()} ${addon.localeNow()} ${addon.inUnwinding(() => 0, 0)}`);
    const other = spawn(() => { for (let k = 0; k < 10; k++) { sleep(2); look(); } });
    const timer = setInterval(look, 2);
    assert.deepEqual(await Promise.all(inside), ['same', 'same', 'same']);
    await other;
    clearInterval(timer);
    assert.deepEqual([...seen], ['nearest global 110']);
  },
};

startFrom(7);
for (const name of what === 'all' ? Object.keys(programs) : [what]) await programs[name]();
console.log('ok');
