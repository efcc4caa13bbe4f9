// stack_memory.mjs WHAT: limits of stack memory, growth and shrinkage. Prints "ok" or throws.
import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { isMainThread, Worker } from 'node:worker_threads';
import { configure, coroutines, sleep, spawn, stats, yieldNow } from 'stackful';

const until = async (condition) => {
  for (let i = 0; i < 2000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(condition(), String(condition));
};
const deep = (n, bottom) => (n === 0 ? bottom() : deep(n - 1, bottom) + 1);
const park = () =>
  spawn(() => {
    try {
      sleep(1e6);
    } catch (error) {
      assert.equal(error.code, 'ERR_CANCELLED');
    }
  });
const kib = 1024;

const programs = {
  /** Past the budget spawn throws; nothing else breaks, and it works again when there is room again. */
  async budget() {
    let stop = false;
    const running = spawn(() => {
      let turns = 0;
      for (; !stop; turns++) sleep(0.1);
      return turns;
    });
    await spawn(() => {});
    const room = 400 * 4800;
    configure({ stackMemory: stats().stackMemoryUsed + room });
    const parked = [];
    const fill = () => {
      for (let i = 0; i < 2000; i++) parked.push(park());
    };
    const refusal = { name: 'StackMemoryError', code: 'ERR_STACK_MEMORY', message: /use the \d+ bytes/ };
    assert.throws(fill, refusal);
    assert.ok(Math.abs(parked.length - 400) < 20, `${parked.length} were spawned`);
    assert.throws(park, refusal);
    // Async hooks are told of the end of coroutines that never began.
    const told = [];
    const hook = createHook({ init: (id, type) => type === 'COROUTINE' && told.push(id), destroy: (id) => told.push(-id) }).enable();
    assert.throws(park, refusal);
    await until(() => told.includes(-told[0]));
    hook.disable();
    // Inside a coroutine just so, and in a worker: the budget is the process's.
    const worker = new Worker(new URL('./stack_memory.mjs', import.meta.url), { argv: ['refused'] });
    const code = await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
    assert.equal(code, 0);
    for (let i = 0; i < 50; i++) parked.pop().cancel();
    await until(() => stats().live === parked.length + 1);
    await spawn(() => { assert.throws(fill, refusal); });
    // Deeper pages count once a look finds them, and unused pages are given back before a spawn is refused.
    for (const c of parked.splice(0)) c.cancel();
    await until(() => stats().live === 1);
    spawn(() => deep(200, () => (sleep(1e6), 0)), { stackSize: 512 * kib });
    for (let i = 0; i < 300; i++) parked.push(park());
    stop = true;
    assert.ok((await running) > 5);
    configure({ stackMemory: Infinity });
    fill();
    assert.equal(parked.length, 2300);
  },
  /** A look at many stacks has just taken long, and is not repeated so soon: what ended since is given back all the same. */
  async released() {
    await spawn(() => {});
    configure({ stackMemory: stats().stackMemoryUsed + 20_000 * 4800 });
    const parked = [];
    assert.throws(() => { for (;;) parked.push(park()); }, { code: 'ERR_STACK_MEMORY' });
    for (const c of parked) c.cancel();
    while (stats().live > 0) await new Promise(setImmediate);
    assert.equal(await spawn(() => deep(50, () => 1), { stackSize: 512 * kib }), 51);
  },
  /** In a worker, while the main thread has used up the budget. */
  refused() {
    assert.throws(park, { code: 'ERR_STACK_MEMORY' });
  },
  async count() {
    configure({ maxCoroutines: 3 });
    const three = [park(), park(), park()];
    assert.throws(park, { name: 'TooManyCoroutinesError', code: 'ERR_TOO_MANY_COROUTINES', message: /^3 coroutines/ });
    three[0].cancel();
    await until(() => coroutines().length === 2);
    three[0] = park();
    configure({ maxCoroutines: Infinity });
    for (let i = 0; i < 10; i++) park();
    for (const bad of [0, -1, 1.5, NaN]) assert.throws(() => configure({ maxCoroutines: bad }), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => configure({ maxCoroutines: '3' }), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => configure({ stackMemory: -1 }), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => configure({ stackMemory: NaN }), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => configure({ spawnSites: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
  },
  /** A stack far larger than the main one, under everything that looks at stacks. */
  async large() {
    const levels = 60_000;
    const bottoms = [
      () => (globalThis.gc(), 0),
      () => (yieldNow(), globalThis.gc({ type: 'minor' }), yieldNow(), 0),
      () => [3, 1, 2].map((x) => (yieldNow(), x)).sort((a, b) => a - b)[0] - 1,
      () => JSON.parse(JSON.stringify({ toJSON: () => (yieldNow(), 0) })),
      () => new Function('a', 'return a')(0),
    ];
    const thrower = () => {
      yieldNow();
      throw new Error('far down');
    };
    const work = () => {
      for (const bottom of bottoms) assert.equal(deep(levels, bottom), levels);
      assert.throws(() => deep(levels, thrower), /far down/);
      return spawn(() => deep(100, () => (yieldNow(), 0))).join();
    };
    const size = 16 * 1024 * kib;
    const all = [1, 2, 3].map(() => spawn(work, { stackSize: size }));
    for (const one of all) assert.equal(await one, 100);
    assert.equal(await spawn(work, { stackSize: 64 * 1024 * kib }), 100);
    assert.throws(() => deep(1e6, () => 0), RangeError);
    configure({ stackSize: size });
    assert.equal(await spawn(work), 100);
  },
  /** The recursion ends as a RangeError; the coroutine and the others go on. */
  async overflow() {
    const forever = () => forever() + 1;
    for (const stackSize of [128 * kib, 256 * kib, 1024 * kib, 4096 * kib]) {
      const one = spawn(() => {
        assert.throws(forever, RangeError);
        sleep(1);
        assert.throws(forever, RangeError);
        return deep(50, () => 0);
      }, { stackSize });
      assert.equal(await one, 50);
    }
  },
  /** Deep once and then parked, or finished: the pages come back, and what is left is right. */
  async shrink() {
    let shallow = 0;
    const all = Array.from({ length: 60 }, (_, i) =>
      spawn(() => {
        const kept = { i, text: `kept ${i}` };
        deep(2500, () => (sleep(1), 0));
        shallow++;
        // Some stay parked, some run now and then, and some have ended.
        if (i % 3 === 0) for (let turn = 0; turn < 40; turn++) sleep(20);
        if (i % 3 === 1) sleep(800);
        assert.equal(deep(2500, () => (sleep(1), 0)), 2500);
        return kept.text;
      }, { stackSize: 1024 * kib }),
    );
    await until(() => shallow === all.length);
    assert.ok(all[0].stackUse().deepest > 100 * kib);
    const before = stats().stackBytesGivenBack;
    await until(() => all[0].stackUse().resident < 24 * kib && all[1].stackUse().resident < 24 * kib);
    assert.ok(all[0].stackUse().deepest > 100 * kib, 'the high-water mark stays');
    assert.ok(stats().stackBytesGivenBack - before > 40 * 100 * kib);
    for (const [i, one] of all.entries()) assert.equal(await one, `kept ${i}`);
    await until(() => stats().stackBytesResident < 60 * 24 * kib);
  },
  async sites() {
    configure({ spawnSites: true });
    const one = spawn(() => deep(300, () => (sleep(5), 0)));
    const others = [1, 2, 3].map((n) => spawn(() => deep(3000, () => 0), { stackSize: 1024 * kib, name: `n${n}` }));
    assert.match(one.spawnSite, /stack_memory\.mjs:\d+:\d+/);
    for (const other of others) await other;
    const [deepest, shallower] = stats().spawnSites;
    assert.equal(deepest.site, others[0].spawnSite);
    assert.deepEqual([deepest.spawned, deepest.live, shallower.spawned, shallower.live], [3, 0, 1, 1]);
    assert.ok(deepest.deepestStack > 100 * kib && deepest.deepestStack < 1024 * kib);
    assert.ok(shallower.deepestStack > 20 * kib && shallower.deepestStack < deepest.deepestStack);
    assert.equal(await one, 300);
    // A shallow coroutine on a stack that a deep one had is a shallow one, up to the 40 KiB or more that compiling takes.
    const shallow = spawn(() => sleep(1), { stackSize: 1024 * kib });
    await shallow;
    assert.ok(stats().spawnSites.find((site) => site.site === shallow.spawnSite).deepestStack < 80 * kib);
    configure({ spawnSites: false });
    assert.equal(spawn(() => {}).spawnSite, undefined);
    assert.deepEqual(stats().spawnSites, []);
  },
  /** More stacks than guards that mprotect may make; with STACKFUL_STACK_GUARD. */
  async many() {
    let ran = 0;
    const all = Array.from({ length: 9000 }, () => spawn(() => (yieldNow(), ran++)));
    for (const one of all) await one;
    assert.equal(ran, 9000);
  },
};

await programs[process.argv[2]]();
// Written to the end before leaving.
if (isMainThread) process.stdout.write('ok\n', () => process.exit());
else process.exit();
