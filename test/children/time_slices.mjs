// time_slices.mjs CASE [PREEMPTIONS]: coroutines that compute without waiting and have a time slice. Prints "ok" and what the case has
// to say, or throws. A case whose coroutine is not preempted does not end.
import { Worker } from 'node:worker_threads';

import { atomic, Channel, configure, otherwise, select, sleep, spawn, stats, yieldNow } from 'stackful';

const [name, wanted = '100'] = process.argv.slice(2);
const timeSlice = 2;
const preempted = () => stats().preemptions;
const wantsMore = () => preempted() < Number(wanted);

function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} instead of ${String(expected)}`);
}

/** Lets `fn` compute until the other one, which gets its turns only by preempting it, has had `turns` of them. */
async function until(turns, fn, options = { timeSlice }) {
  const box = { done: false };
  const hog = spawn(() => fn(box), options);
  const other = spawn(() => {
    for (let i = 0; i < turns; i++) sleep(0.1);
    box.done = true;
  });
  const result = await hog;
  await other;
  return result;
}

const spin = (box) => {
  let i = 0;
  while (!box.done) i++;
  return i;
};

const cases = {
  async loop() {
    await until(20, spin);
  },
  /** Compiled for speed before, so that V8 need not look at the box again. */
  async optimised() {
    const count = (box, most) => {
      let i = 0;
      while (!box.done && i < most) i++;
      return i;
    };
    for (let i = 0; i < 300; i++) count({ done: false }, 10_000);
    for (let round = 0; round < 5; round++) await until(5, (box) => count(box, Infinity));
  },
  async once() {
    await until(1, spin);
  },
  async calls() {
    const fibonacci = (n) => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2));
    await until(20, (box) => {
      while (!box.done) equal(fibonacci(12), 144, 'fibonacci');
    });
  },
  /** No loop at all: function entries are the only places. */
  async recursion() {
    const descend = (box, n) => (box.done || n === 0 ? 0 : descend(box, n - 1) + descend(box, n - 1));
    await until(20, (box) => descend(box, 60));
  },
  async 'default slice'() {
    configure({ timeSlice });
    await until(5, spin, undefined);
    configure({ timeSlice: 0 });
    const before = preempted();
    const end = performance.now() + 50;
    await spawn(() => {
      while (performance.now() < end);
    });
    equal(preempted(), before, 'preempted without a slice');
  },
  async atomic() {
    let inside = 0;
    const work = () => {
      for (let round = 0; round < 10; round++) {
        atomic(() => {
          equal(inside++, 0, 'coroutines inside');
          for (let i = 0, end = performance.now() + 5; i < 1e4 || performance.now() < end; i++);
          inside--;
        });
        for (let i = 0; i < 1e6; i++);
      }
    };
    await Promise.all([spawn(work, { timeSlice }), spawn(work, { timeSlice })]);
  },
  /** A call of ours that lasts for many slices: they end before it and behind it, and not while its frame is the newest. */
  async 'call of the library'() {
    const cases = new Array(2e6).fill(new Channel());
    cases.push(otherwise);
    await until(5, (box) => {
      while (!box.done) {
        const before = preempted();
        select(cases);
        const times = preempted() - before;
        if (times > 3) throw new Error(`preempted ${times} times in one call`);
      }
    });
  },
  /** JavaScript that a native function has called is left alone: its scopes must close in the order they were opened. */
  async 'native call'() {
    let inside = 0;
    const toJSON = () => {
      equal(inside++, 0, 'coroutines inside');
      const end = performance.now() + 10;
      while (performance.now() < end);
      inside--;
      return 1;
    };
    const work = () => {
      for (let i = 0; i < 5; i++) equal(JSON.stringify([{ toJSON }]), '[1]', 'JSON');
    };
    await Promise.all([spawn(work, { timeSlice }), spawn(work, { timeSlice })]);
  },
  async builtins() {
    const numbers = Array.from({ length: 20_000 }, (_, i) => (i * 7919) % 20_011);
    const text = JSON.stringify(numbers);
    const work = () => {
      let checks = 0;
      while (checks === 0 || wantsMore()) {
        const sorted = numbers.toSorted?.((a, b) => a - b) ?? [...numbers].sort((a, b) => a - b);
        equal(sorted.every((n, i) => i === 0 || sorted[i - 1] <= n), true, 'sorted');
        equal(JSON.parse(text).length, 20_000, 'parsed');
        equal(JSON.stringify(numbers), text, 'JSON');
        equal(/^(a+)+$/.test(`${'a'.repeat(16)}b`), false, 'regexp');
        equal(text.replaceAll(/\d+/g, (n) => n).length, text.length, 'replaced');
        equal(numbers.map((n) => n + 1).filter((n) => n % 2 === 0).reduce((a, b) => a + b) > 0, true, 'reduced');
        checks++;
      }
      return checks;
    };
    const all = [spawn(work, { timeSlice }), spawn(work, { timeSlice }), spawn(work, { timeSlice })];
    for (const one of all) equal((await one) > 0, true, 'checks');
  },
  /** Others change, at any back-edge, what a loop that V8 has optimised relies upon. */
  async shared() {
    const shared = { list: [1, 2, 3], object: { x: 1 }, typed: new Float64Array(8), ended: 0 };
    const read = (rounds) => {
      let sum = 0;
      for (let i = 0; i < rounds; i++) {
        const { list, object } = shared;
        for (let k = 0; k < list.length; k++) {
          const value = list[k];
          if (value !== undefined && typeof value !== 'number') throw new Error(`element ${typeof value}`);
          sum += value ?? 0;
        }
        if (typeof object.x !== 'number') throw new Error(`field ${typeof object.x}`);
        sum += object.x + shared.typed[i & 7];
      }
      if (Number.isNaN(sum)) throw new Error('not a number');
      return sum;
    };
    const write = (n) => {
      for (let i = 0; i % 16 !== 0 || wantsMore(); i++) {
        shared.list.push(i, i + 0.5);
        if (i % 7 === n) shared.list.shift();
        if (i % 50 === n) shared.list.length = 2;
        if (i % 90 === n) shared.list = i % 4 ? [1, 2] : [0.5, undefined, 3];
        shared.object.x = i % 3 ? i : i + 0.25;
        if (i % 11 === n) shared.object[`p${i % 5}`] = i;
        if (i % 40 === n) shared.object = i % 2 ? { x: i } : { y: 1, x: 0.5 };
        if (i % 60 === n) shared.typed = new Float64Array(8);
        read(50);
      }
      shared.ended++;
    };
    const all = [0, 1, 2, 3].map((n) => spawn(() => write(n), { timeSlice: 1 }));
    // Garbage and full collections while they are stopped in the middle of anything.
    const collector = spawn(() => {
      while (shared.ended < all.length) {
        globalThis.gc?.();
        sleep(7);
      }
    });
    for (const one of all) await one;
    await collector;
  },
  async cancelled() {
    let turns = 0;
    const hog = spawn(() => {
      while (turns < 5) turns += 0;
      yieldNow();
    }, { timeSlice });
    hog.cancel();
    await spawn(() => {
      for (; turns < 5; turns++) sleep(0.1);
    });
    const error = await hog.then(() => undefined, (e) => e);
    equal(error.code, 'ERR_CANCELLED', 'code');
  },
  async terminated() {
    const source = `import { spawn } from ${JSON.stringify(import.meta.resolve('stackful'))};
      import { parentPort } from 'node:worker_threads';
      for (let i = 0; i < 3; i++) spawn(() => { for (;;); }, { timeSlice: 1 });
      setInterval(() => parentPort.postMessage('turn'), 1);`;
    for (let i = 0; i < 5; i++) {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
      await new Promise((resolve, reject) => {
        let turns = 0;
        worker.on('message', () => ++turns === 3 && resolve());
        worker.on('error', reject);
      });
      equal(await worker.terminate(), 1, 'exit code');
    }
  },
  async alone() {
    let timers = 0;
    const timer = setInterval(() => timers++, 1);
    // The host's own timers get their turn, too: otherwise this does not end.
    await spawn(() => {
      while (timers < 5);
    }, { timeSlice });
    clearInterval(timer);
  },
};

await cases[name]();
if (!['atomic', 'native call', 'call of the library', 'terminated'].includes(name)) equal(preempted() > 0, true, 'preempted');
console.log('ok');
