// joins.mjs WHAT: arrays whose elements' conversions park, in many coroutines that go on in any order. Prints "ok" or throws.
import assert from 'node:assert/strict';
import vm from 'node:vm';
import { configure, sleep, spawn, wait, yieldNow } from 'stackful';

let seed = 1;
const random = (limit) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % limit;

function park() {
  const how = random(4);
  if (how === 0) sleep(random(4) / 2);
  else if (how === 1) wait(Promise.resolve());
  else for (let n = random(3); n >= 0; n--) yieldNow();
}

/** Something that parks when it is converted, and gives garbage to collect. */
const slow = (text) => ({ toString: () => (park(), [...text].join('')), toLocaleString: () => (park(), text) });

/** A tree of arrays, and the result of joining it. */
function tree(name, depth) {
  const children = Array.from({ length: 1 + random(3) }, (_, i) => depth === 0 || random(3) === 0
    ? { value: slow(`${name}${i}`), text: `${name}${i}` }
    : tree(`${name}${i}.`, depth - 1));
  return { value: children.map((c) => c.value), text: children.map((c) => c.text).join() };
}

const ways = [
  (array) => array.join(), (array) => `${array}`, (array) => array.toString(), (array) => array.toLocaleString(),
  (array) => Array.prototype.join.call(array), (array) => String([array]),
];

const kinds = {
  async own() {
    await Promise.all(Array.from({ length: 40 }, (_, i) => spawn(() => {
      for (let n = 0; n < 15; n++) {
        const { value, text } = tree(`${i}:`, 5);
        assert.equal(ways[random(ways.length)](value), text);
      }
    })));
  },
  async same() {
    const { value, text } = tree('', 4);
    await Promise.all(Array.from({ length: 40 }, () => spawn(() => {
      for (let n = 0; n < 10; n++) assert.equal(ways[random(ways.length)](value), text);
    })));
  },
  async cycles() {
    await Promise.all(Array.from({ length: 20 }, () => spawn(() => {
      for (let n = 0; n < 10; n++) {
        const array = [slow('a'), 'b'];
        array.push(array, [array, slow('c')]);
        assert.equal(ways[random(ways.length)](array), 'a,b,,,c');
      }
    })));
  },
  async throws() {
    await Promise.all(Array.from({ length: 20 }, (_, i) => spawn(() => {
      for (let n = 0; n < 10; n++) {
        const bad = [[slow('a'), { toString() { park(); throw new RangeError(`${i}`); } }], slow('b')];
        assert.throws(() => bad.join(), { name: 'RangeError', message: `${i}` });
        assert.equal([[slow('x')], bad[1]].join(), 'x,b');
      }
    })));
  },
  async realms() {
    const realms = Array.from({ length: 5 }, () => vm.runInNewContext('((f) => [{ toString: f }, [{ toString: f }, "y"]])'));
    await Promise.all(Array.from({ length: 30 }, (_, i) => spawn(() => {
      for (let n = 0; n < 10; n++) {
        const text = `${i}.${n}`;
        const inner = realms[random(realms.length)](() => (park(), text));
        const outer = realms[random(realms.length)](() => (park(), `${[slow(text), inner]}`));
        const one = `${text},${text},y`;
        assert.equal(outer.join(), `${text},${one},${text},${one},y`);
      }
    })));
  },
  async slices() {
    configure({ timeSlice: 1 });
    const busy = (n) => { let x = 0; for (let k = 0; k < n; k++) x = (x * 31 + k) | 0; return x; };
    const own = (i) => `${[{ toString: () => `x${i}${busy(1e6 * (1 + (i % 5))) & 0}` }, 'y']}`;
    await Promise.all(Array.from({ length: 8 }, (_, i) => spawn(() => {
      for (let k = 0; k < 5; k++) assert.equal(own(i), `x${i}0,y`);
    })));
  },
  async end() {
    // Some are in the middle of it when the process ends.
    for (let i = 0; i < 10; i++) spawn(() => [slow('a'), { toString: () => sleep(1e6) }].join());
    await new Promise((done) => { setTimeout(done, 10); });
    console.log('ok');
    process.exit();
  },
};

await kinds[process.argv[2]]();
console.log('ok');
