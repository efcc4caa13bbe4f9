/* global gc */
// fibers.cjs WHAT: fibers, where something could end or hang the process.
const Fiber = require('stackful/fibers');
const stackful = require('stackful');
const { AsyncLocalStorage, createHook, executionAsyncId } = require('node:async_hooks');
const { Worker, isMainThread, workerData, parentPort } = require('node:worker_threads');

const turn = (ms = 1) => new Promise((resolve) => setTimeout(resolve, ms));

const programs = {
  async 'fails-alone'() {
    process.on('unhandledRejection', (error) => console.log('unhandled', error.message));
    const fiber = Fiber(() => { stackful.sleep(1); throw new Error('alone'); });
    console.log('run', fiber.run());
    while (fiber.started) await turn();
    await turn();
    console.log('started', fiber.started);
  },

  async 'first-store'() {
    const store = new AsyncLocalStorage();
    const fiber = Fiber(() => store.run('inside', () => { Fiber.yield(); return store.getStore(); }));
    fiber.run();
    const before = store.getStore();
    await turn();
    console.log(before, fiber.run(), store.getStore());
  },

  async leak() {
    let unwound = 0;
    for (let round = 0; round < 30; round++) {
      (() => {
        for (let i = 0; i < 100; i++) {
          Fiber(() => { try { Fiber.yield(); } finally { unwound++; } }).run();
        }
      })();
      gc();
      await turn(5);
      Fiber(() => {}).run();
    }
    for (let i = 0; i < 50 && unwound < 3000; i++) {
      gc();
      await turn(5);
      Fiber(() => {}).run();
    }
    console.log('freed', unwound);
    if (stackful.stats().live > 5) console.log('alive', stackful.stats().live);
  },

  async 'orphan-in-atomic'() {
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    let unwound = 0;
    (() => { Fiber(() => { try { Fiber.yield(); } finally { unwound++; } }).run(); })();
    for (let i = 0; i < 10; i++) {
      gc();
      await turn();
    }
    await stackful.spawn(() => {
      try {
        stackful.atomic(() => Fiber(() => {}).run());
      } catch (error) {
        console.log(error.code);
      }
    });
    await turn();
    console.log(unwound);
    Fiber(() => {}).run();
    console.log(unwound);
  },

  async 'new-object'() {
    let object;
    let result;
    const make = () => {
      Fiber(() => {
        try { stackful.timeout(5, () => Fiber.yield()); } catch { /* its object is gone by now */ }
        object = Fiber.current;
        try { result = Fiber.yield(); } catch (error) { result = error.message; }
      }).run();
    };
    make();
    await turn();
    // The time is up, and nobody has heard of it when the object is collected.
    const end = performance.now() + 10;
    while (performance.now() < end);
    gc();
    await turn(50);
    for (let i = 0; i < 5; i++) {
      Fiber(() => {}).run();
      await turn();
    }
    object.run('resumed');
    console.log(result);
  },

  alive() {
    Fiber(() => { Fiber.yield(); console.log('wrong'); }).run();
    Fiber(() => { stackful.sleep(20); console.log('slept'); Fiber.yield(); console.log('wrong'); }).run();
    process.on('exit', () => console.log('exit'));
  },

  async workers() {
    for (const how of ['suspended', 'running', 'nested']) {
      const worker = new Worker(__filename, { argv: ['in-worker'], workerData: how });
      await new Promise((resolve) => worker.once('message', resolve));
      await turn(20);
      console.log('ended', await worker.terminate());
    }
  },

  'in-worker'() {
    const suspended = [1, 2, 3].map(() => Fiber(() => { try { Fiber.yield(); } finally { parentPort.postMessage('wrong'); } }));
    for (const fiber of suspended) fiber.run();
    Fiber(() => { stackful.sleep(60_000); }).run();
    setTimeout(() => {}, 60_000);
    parentPort.postMessage('ready');
    const spin = () => { for (;;); };
    if (workerData === 'running') Fiber(spin).run();
    if (workerData === 'nested') stackful.spawn(() => { Fiber(() => { Fiber(spin).run(); }).run(); });
  },

  async terminated() {
    const { Session } = require('node:inspector');
    const worker = new Worker(`
      const { Session } = require('node:inspector');
      const session = new Session();
      session.connectToMainThread();
      // The answer must find this worker alive: its session does not keep it so.
      setInterval(() => {}, 1000);
      require('node:worker_threads').parentPort.once('message', () => {
        setTimeout(() => session.post('Runtime.terminateExecution', () => process.exit()), 50);
      });`, { eval: true });
    await new Promise((resolve) => worker.once('online', resolve));
    await turn(100);
    const fiber = Fiber((first) => { if (!first) return 'again'; worker.postMessage(''); for (;;); });
    let code;
    await stackful.spawn(() => { try { fiber.run(true); } catch (error) { code = error.code; } });
    console.log(code, fiber.started, fiber.run());
    void Session;
  },

  async writes() {
    const net = require('stackful/net');
    const listener = net.listen({ port: 0, host: '127.0.0.1' });
    const received = stackful.spawn(() => listener.accept().readExactly(5).toString());
    const socket = await stackful.spawn(() => net.connect({ port: listener.address.port, host: '127.0.0.1' }));
    const fiber = Fiber(() => { socket.write('hel'); socket.write('lo'); Fiber.yield(); });
    setTimeout(() => fiber.run(), 1);
    console.log('got', await received);
    socket.close();
    listener.close();
  },

  async slices() {
    const order = [];
    const spin = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
    const host = stackful.spawn(() => {
      Fiber(() => { order.push('in'); spin(30); order.push('out'); }).run();
    }, { timeSlice: 2 });
    stackful.spawn(() => { order.push('other'); });
    await host;
    const [a, b] = [order.indexOf('in'), order.indexOf('out')];
    console.log(b === a + 1 ? 'in order' : order.join());
  },

  async hooks() {
    let open = 0;
    const stack = [];
    createHook({ init() {}, before(id) { stack.push(id); open++; }, after(id) { if (stack.pop() !== id) console.log('order'); open--; } }).enable();
    const ids = new Set();
    let sleeps = false;
    const fiber = Fiber(() => {
      for (let i = 0; i < 5; i++) {
        ids.add(executionAsyncId());
        Fiber.yield();
        sleeps = true;
        stackful.sleep(1);
        sleeps = false;
      }
    });
    for (let i = 0; i < 5; i++) {
      const own = executionAsyncId();
      fiber.run();
      if (executionAsyncId() !== own) console.log('id of the caller');
      do await turn(); while (sleeps);
    }
    console.log(ids.size === 1 ? 'balanced' : 'ids', ...(open > 1 ? [open] : []));
  },

  async torture(count) {
    const fibers = [];
    let seed = 7;
    const random = (below) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
    const body = (from) => {
      let sum = from;
      for (let i = 0; ; i++) {
        const text = JSON.stringify({ a: { toJSON() { return Fiber.yield({ sum }); } }, b: [i] });
        const given = JSON.parse(text).a;
        if (given === 'end') return { sum };
        sum += given;
        if (i % 7 === 0) stackful.sleep(0.1);
        if (i % 5 === 0) [3, 1, 2].sort((a, b) => { Fiber.yield({ sum }); return a - b; });
      }
    };
    const step = (entry) => {
      const { fiber } = entry;
      if (entry.parked && stackful.coroutines().some((c) => c === entry.coroutine && c.parkedOn !== 'fiber.yield')) return;
      entry.parked = false;
      const add = random(100);
      const out = fiber.run(add);
      if (out === undefined) entry.parked = true;
      else if (typeof out.sum !== 'number') throw new Error('wrong');
    };
    const any = () => {
      if (fibers.length < 20) {
        const entry = { parked: false };
        entry.fiber = Fiber((x) => { entry.coroutine = stackful.current(); return body(x); });
        fibers.push(entry);
      }
      const entry = fibers[random(fibers.length)];
      try {
        step(entry);
      } catch (error) {
        if (error.code !== 'ERR_FIBER_PARKED') throw error;
      }
      if (random(20) === 0) fibers.splice(random(fibers.length), 1);
      if (random(200) === 0) gc();
    };
    for (let i = 0; i < count; i += 10) {
      for (let n = 0; n < 3; n++) any();
      await Promise.resolve().then(any);
      await stackful.spawn(() => { any(); stackful.yieldNow(); any(); });
      await new Promise((resolve) => setImmediate(() => { any(); resolve(); }));
      Fiber(() => { Fiber(() => { any(); }).run(); any(); }).run();
      if (random(10) === 0) await turn();
    }
    console.log('right');
    process.exit();
  },
};

if (isMainThread || workerData) void programs[process.argv[2]](...process.argv.slice(3).map(Number));
