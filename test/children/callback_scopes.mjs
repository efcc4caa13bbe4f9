// callback_scopes.mjs WHAT: coroutines park in JavaScript that Node's C++ has called inside a callback scope (the handler of a
// request whose bytes a coroutine pushes into the parser) or V8's inspector inside a microtask scope. Prints "ok" or throws.
import assert from 'node:assert/strict';
import { AsyncLocalStorage, AsyncResource, createHook, executionAsyncId, executionAsyncResource } from 'node:async_hooks';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import inspector from 'node:inspector';
import { Duplex } from 'node:stream';
import { sleep, spawn, wait, yieldNow } from 'stackful';

let seed = 1;
const random = (limit) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % limit;

function park() {
  const how = random(4);
  if (how === 0) sleep(random(6) / 2);
  else if (how === 1) wait(readFile('/dev/null'));
  else if (how === 2) wait(new Promise((done) => { process.nextTick(done); }));
  else yieldNow();
}

/** Its `push` calls the server's handler, before it returns. */
function connectionTo(server) {
  const duplex = new Duplex({ read() {}, write(chunk, encoding, done) { duplex.got = (duplex.got ?? '') + chunk; done(); } });
  duplex.setTimeout = duplex.setNoDelay = duplex.setKeepAlive = duplex.ref = duplex.unref = () => duplex;
  server.emit('connection', duplex);
  duplex.on('data', () => {});
  duplex.resume();
  return duplex;
}

async function connections(server, count) {
  const all = Array.from({ length: count }, () => connectionTo(server));
  await new Promise((done) => { setImmediate(done); });
  return all;
}

const request = (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

/** Many handlers at once, each of which parks again and again, in no order. */
async function handlers() {
  const storage = new AsyncLocalStorage();
  storage.run(0, () => {});
  let run = 0;
  const server = http.createServer((incoming, response) => {
    const path = incoming.url;
    const resource = executionAsyncResource();
    const id = executionAsyncId();
    for (let n = random(5); n >= 0; n--) {
      park();
      assert.equal(executionAsyncResource(), resource);
      assert.equal(executionAsyncId(), id);
      storage.run(path, () => {
        park();
        assert.equal(storage.getStore(), path);
        new AsyncResource('INNER').runInAsyncScope(() => { park(); });
        assert.equal(storage.getStore(), path);
      });
    }
    storage.enterWith(path);
    // This one always leaves the stack. Otherwise Node itself could lose the exception, as it does without coroutines where
    // a scope of JavaScript has been open: see findings/thrown-after-a-scope.sh.
    sleep(1);
    assert.equal(storage.getStore(), path);
    run++;
    if (path.endsWith('0')) throw new RangeError(path);
    response.end(path);
  });
  const all = await connections(server, 40);
  await Promise.all(all.map((duplex, i) => spawn(() => storage.run(i, () => {
    for (let n = 0; n < 3; n++) {
      const path = `/${i}/${n + (i % 2)}`;
      const push = () => { duplex.push(request(path)); };
      if (path.endsWith('0')) assert.throws(push, { name: 'RangeError', message: path });
      else push();
      assert.equal(storage.getStore(), i);
      park();
      assert.equal(storage.getStore(), i);
      if (path.endsWith('0')) return;
    }
  }))));
  assert.equal(run, 20 + 60);
}

/** Hooks that check that scopes are entered and left as on a stack. Node does not report a scope that an exception leaves. */
function checkNesting(hear = () => {}) {
  const open = [];
  const left = new Set();
  return createHook({
    before(id) {
      assert.equal(executionAsyncId(), id);
      open.push(id);
      left.delete(id);
      hear('before', id);
    },
    after(id) {
      assert.equal(executionAsyncId(), id);
      assert.ok(!left.has(id), `${String(id)} is left after what it is in`);
      // Some were entered before there were hooks.
      if (open.includes(id)) {
        for (let top; (top = open.pop()) !== id;) left.add(top);
      }
      hear('after', id);
    },
  }).enable();
}

const kinds = {
  handlers,
  async hooked() {
    const nesting = checkNesting();
    await handlers();
    nesting.disable();
  },
  /** Hooks hear of the scopes that parked coroutines have open in the order of a stack, in any order of turns. */
  async nesting() {
    const heard = [];
    const names = new Map();
    const nesting = checkNesting((event, id) => { if (names.has(id)) heard.push(`${event} ${names.get(id)}`); });
    const named = (name) => { const resource = new AsyncResource('NAMED'); names.set(resource.asyncId(), name); return resource; };
    const inside = (resource, body) => resource.runInAsyncScope(() => {
      const id = executionAsyncId();
      assert.equal(id, resource.asyncId());
      body();
      assert.equal(executionAsyncId(), id);
      assert.equal(executionAsyncResource(), resource);
    });
    const coroutines = ['a', 'b'].map((name) => spawn(() => {
      names.set(executionAsyncId(), name);
      yieldNow();
      inside(named(`${name}1`), () => inside(named(`${name}2`), () => { yieldNow(); }));
    }));
    await Promise.all(coroutines.map((coroutine) => coroutine.promise));
    nesting.disable();
    const enter = (name) => [`before ${name}`, `before ${name}1`, `before ${name}2`];
    const leave = (name) => [`after ${name}2`, `after ${name}1`, `after ${name}`];
    const both = [...enter('a'), ...leave('a'), ...enter('b'), ...leave('b')];
    assert.deepEqual(heard, ['after a', 'after b', ...both, ...both]);

    // Deeper, and in any order.
    const again = checkNesting();
    await Promise.all(Array.from({ length: 40 }, () => spawn(function deeper(depth = random(5)) {
      park();
      if (depth > 0) inside(new AsyncResource('DEEPER'), () => { deeper(depth - 1); });
      park();
    }).promise));
    again.disable();
  },
  /** Ticks and promise callbacks of all others run meanwhile. */
  async others() {
    let parked = 0;
    const server = http.createServer((incoming, response) => { parked++; sleep(20); parked--; response.end(); });
    const [duplex] = await connections(server, 1);
    const handled = spawn(() => { duplex.push(request('/')); });
    let seen = 0;
    const timer = setInterval(async () => {
      if (parked === 0) return;
      await 0;
      process.nextTick(() => { seen += parked; });
    }, 1);
    await handled;
    clearInterval(timer);
    assert.ok(seen > 0);
  },
  async inspector() {
    const session = new inspector.Session();
    session.connect();
    globalThis.parkInside = (n) => { park(); return wait(readFile('/dev/null', 'utf8')) + n; };
    const values = await Promise.all(Array.from({ length: 20 }, (_, i) => spawn(() => {
      let value;
      session.post('Runtime.evaluate', { expression: `parkInside(${i})` }, (error, answer) => { value = answer.result.value; });
      return value;
    })));
    assert.deepEqual(values, values.map((_, i) => `${i}`));
    session.disconnect();
  },
  /** A promise callback that runs on a coroutine's stack does not belong to that coroutine. */
  async tick() {
    const codes = [];
    await spawn(() => {
      Promise.resolve().then(() => {
        for (const call of [() => { sleep(1); }, () => { yieldNow(); }, () => wait(new Promise(() => {}))]) {
          try { call(); } catch (error) { codes.push(error.code); }
        }
      });
      process._tickCallback();
      sleep(1);
      codes.push('parked');
    });
    assert.deepEqual(codes, [...Array(3).fill('ERR_NOT_IN_COROUTINE'), 'parked']);
  },
};

await kinds[process.argv[2]]();
console.log('ok');
process.exit();
