// Code that a coroutine may be in the middle of when it parks: makeScenarios(park, random) gives functions that take a number
// and return [what came out, what must come out]. `park()` gives way; `random(n)` is a number below n.
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { Session } from 'node:inspector';
import { wait } from 'stackful';

/** Code for which V8 and Node keep a stack of their own: without the engine, threads that take turns break that. */
export const crossings = ['joined', 'scoped', 'evaluated'];

export function makeScenarios(park, random, equal) {
  const storage = new AsyncLocalStorage();
  const shared = Array.from({ length: 3 }, (_, i) => ({ toString: () => (random(3) === 0 && park(), String(i)) }));
  globalThis.parkInEvaluation = () => (park(), storage.getStore());
  const tag = (strings, ...values) => strings.raw.join('|') + values.join();

  // Each takes a number and must return the second element, in any order of turns, collections and deoptimisations.
  const scenarios = {
    recursion(n) {
      const deep = (k, text) => {
        if (k === 0) return park(), text.length;
        const local = { k };
        const rest = deep(k - 1, `${text}x`);
        equal(local.k, k, 'local of a recursion');
        return rest + local.k;
      };
      const depth = 5 + (n % 40);
      return [deep(depth, ''), depth + (depth * (depth + 1)) / 2];
    },
    exceptions(n) {
      const order = [];
      const thrower = () => {
        try {
          park();
          throw new Error(`e${n}`);
        } finally {
          park();
          order.push('finally');
        }
      };
      try {
        thrower();
      } catch (error) {
        park();
        order.push(error.message);
      }
      return [order.join(), `finally,e${n}`];
    },
    generator(n) {
      function* count() {
        for (let i = 0; i < 5; i++) {
          park();
          yield n + i;
        }
      }
      let sum = 0;
      for (const value of count()) sum += value, park();
      return [sum, 5 * n + 10];
    },
    sort(n) {
      const list = [3, 1, 2].map((x) => ({ x: x + n }));
      list.sort((a, b) => (park(), a.x - b.x));
      return [list.map((o) => o.x).join(), [n + 1, n + 2, n + 3].join()];
    },
    replace(n) {
      return [`a${n}b${n}`.replace(/\d+/g, (digits) => (park(), `<${digits}>`)), `a<${n}>b<${n}>`];
    },
    json(n) {
      const inner = { toJSON: () => (park(), { n }) };
      const text = JSON.stringify({ inner, list: [inner, n] }, (key, value) => (random(4) === 0 && park(), value));
      const back = JSON.parse(text, (key, value) => (random(4) === 0 && park(), value));
      return [back.inner.n + back.list[0].n + back.list[1], 3 * n];
    },
    collections(n) {
      let sum = 0;
      new Map([[1, n], [2, n]]).forEach((value, key) => (park(), (sum += value * key)));
      new Set([n]).forEach((value) => (park(), (sum += value)));
      sum += [n, n].reduce((a, b) => (park(), a + b));
      sum += Array.from({ length: 2 }, (_, i) => (park(), i)).length;
      return [sum, 6 * n + 2];
    },
    regexps(n) {
      const text = `x${n}y${n + 1}`;
      const found = [];
      for (const match of text.matchAll(/[a-z](\d+)/g)) {
        park();
        found.push(match[1]);
        /(.)(.)/.exec('zz');
      }
      return [found.join(), `${n},${n + 1}`];
    },
    asynchronous(n) {
      const later = async (k) => (k === 0 ? n : (await later(k - 1)) + 1);
      const first = wait(later(3));
      park();
      return [first + wait(Promise.all([later(1), later(2)])).length, n + 5];
    },
    accessors(n) {
      const object = {
        get value() {
          park();
          return n;
        },
        [Symbol.toPrimitive]() {
          park();
          return n;
        },
      };
      const proxy = new Proxy({}, { get: (target, key) => (park(), String(key)), has: () => (park(), true) });
      class Base {
        constructor() {
          park();
          this.base = n;
        }
      }
      class Derived extends Base {
        field = (park(), this.base + 1);
      }
      return [`${object.value}${+object}${proxy.abc}${'x' in proxy}${new Derived().field}`, `${n}${n}abctrue${n + 1}`];
    },
    numbers(n) {
      const doubles = new Float64Array([n + 0.5, n + 0.25]);
      const big = 2n ** 70n + BigInt(n);
      const heapNumber = n + 0.125;
      park();
      const sum = doubles[0] + doubles[1] + heapNumber;
      park();
      return [`${sum} ${big - 2n ** 70n} ${tag`a${(park(), n)}b`}`, `${3 * n + 0.875} ${n} a|b${n}`];
    },
    joined(n) {
      const own = [n, { toString: () => (park(), [n, { toString: () => (park(), 'in') }].join('+')) }, n];
      return [`${own}|${shared}|${[shared, own]}`, `${n},${n}+in,${n}|0,1,2|0,1,2,${n},${n}+in,${n}`];
    },
    scoped(n) {
      const seen = [];
      const resource = new AsyncResource('SCENARIO');
      storage.run(n, () => {
        park();
        seen.push(storage.getStore());
        storage.run(n + 1, () => (park(), seen.push(storage.getStore())));
        resource.runInAsyncScope(() => (park(), seen.push(resource.asyncId() > 0)));
        park();
        seen.push(storage.getStore());
      });
      return [seen.join(), `${n},${n + 1},true,${n}`];
    },
    /** The inspector's C++ calls JavaScript, between scopes of V8's microtasks. */
    evaluated(n) {
      const session = new Session();
      session.connect();
      let value;
      storage.run(n, () => {
        session.post('Runtime.evaluate', { expression: 'parkInEvaluation()' }, (error, answer) => (value = error ?? answer.result.value));
      });
      session.disconnect();
      return [value, n];
    },
    overflow(n) {
      const forever = (k) => forever(k + 1) + 1;
      let caught;
      try {
        forever(n);
      } catch (error) {
        caught = error;
      }
      park();
      return [caught instanceof RangeError, true];
    },
    deoptimised(n) {
      // Optimised for one shape and small integers by the calls before; parked inside when both stop being true.
      const object = n % 7 === 0 ? { pad: 0, x: n } : { x: n };
      const result = hot(object, 60, n % 5 === 0 ? park : idle);
      if (n % 11 === 0) hot({ x: 0.5 }, 3, idle);
      return [result, 60 * n];
    },
    wasm(n) {
      if (!wasm) return [0, 0];
      return [wasm.exports.sum(n % 50, 3000), (n % 50) * 3000 + 3000 * 2];
    },
  };

  function idle() {}

  let hotShape = 0;
  function hot(object, times, callback) {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      sum += object.x;
      if (i === 30) callback();
    }
    // Invalidate what optimised code relied upon, with frames of it parked.
    if (hotShape++ % 500 === 499) Object.defineProperty(Object.prototype, `p${hotShape}`, { value: 1, configurable: true });
    return sum;
  }

  /**
   * (func (export "sum") (param $n i32) (param $times i32) (result i32)
   *   loop: total += n + step(times); times -= 1; until times == 0)
   * where the imported step parks every thousandth call and returns 2: wasm frames are parked while the loop tiers up.
   */
  function makeWasm() {
    const { WebAssembly } = globalThis; // absent with --jitless
    if (!WebAssembly) return undefined;
    const section = (id, ...payload) => [id, payload.length, ...payload];
    // Locals: 0 n, 1 times, 2 total.
    const body = [1, 1, 0x7f, 0x03, 0x40, 0x20, 2, 0x20, 0, 0x6a, 0x20, 1, 0x10, 0, 0x6a, 0x21, 2,
      0x20, 1, 0x41, 1, 0x6b, 0x22, 1, 0x0d, 0, 0x0b, 0x20, 2, 0x0b];
    const bytes = [
      0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
      ...section(1, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 1, 0x7f),
      ...section(2, 1, 1, 0x6d, 4, 0x73, 0x74, 0x65, 0x70, 0, 0),
      ...section(3, 1, 1),
      ...section(7, 1, 3, 0x73, 0x75, 0x6d, 0, 1),
      ...section(10, 1, body.length, ...body),
    ];
    const step = (times) => (times % 1000 === 0 && park(), 2);
    return new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)), { m: { step } });
  }

  const wasm = makeWasm();

  for (let i = 0; i < 2000; i++) hot({ x: i }, 60, idle);
  return scenarios;
}
