// host_loop.mjs WHAT [ADDON]: which side waits for events, for coroutines' sockets or libuv's, and the effects. Prints "ok" or throws.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { sleep, spawn, yieldNow } from 'stackful';
import { serve } from 'stackful/http';

/** Whether an epoll set of ours, one with a timerfd, waits for another one: libuv's. */
function isOurs() {
  const links = new Map();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      links.set(fd, readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // The descriptor of the directory itself.
    }
  }
  return [...links].some(([fd, link]) => {
    if (link !== 'anon_inode:[eventpoll]') return false;
    const watched = [...readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').matchAll(/^tfd: *(\d+)/gm)].map((match) => links.get(match[1]));
    return watched.includes('anon_inode:[timerfd]') && watched.includes('anon_inode:[eventpoll]');
  });
}

async function until(condition) {
  for (const end = Date.now() + 10_000; !condition(); await delay(2)) assert.ok(Date.now() < end, String(condition));
}

/** A client in a thread of its own: `count` requests one after the other, then the number of answers. */
function clientThread(port, count) {
  return new Worker(new URL(import.meta.url), { workerData: { port, count }, execArgv: [] });
}

async function client({ port, count }) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let answers = 0;
  for (; answers < count; answers++) {
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const [chunk] = await once(socket, 'data');
    assert.match(String(chunk), /^HTTP\/1.1 200 OK[^]*\r\nok$/);
  }
  socket.destroy();
  process.exit(answers === count ? 0 : 1);
}

/** Serves clients one at a time until the wait is ours. */
async function takeOver(port) {
  let ours = false;
  const look = setInterval(() => { ours ||= isOurs(); }, 5);
  while (!ours) assert.deepEqual(await once(clientThread(port, 500), 'exit'), [0]);
  clearInterval(look);
}

const cases = {
  async beside() {
    let requests = 0;
    const server = serve(() => (requests++, 'ok'), { port: 0, host: '127.0.0.1' });
    await takeOver(server.port);
    const before = requests;
    const counts = { timers: 0, immediates: 0, files: 0, echoes: 0, sleeps: 0 };
    const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    let over = false;
    const all = [
      (async () => { for (; !over; counts.timers++) await delay(1); })(),
      (async () => { for (; !over; counts.immediates++) await immediate(); })(),
      (async () => { for (; !over; counts.files++) await readFile(new URL(import.meta.url)); })(),
      (async () => {
        for (; !over; counts.echoes++) {
          const socket = connect(echo.address().port, '127.0.0.1').end('x');
          assert.equal(String((await once(socket, 'data'))[0]), 'x');
          await once(socket, 'close');
        }
      })(),
      spawn(() => { for (; !over; counts.sleeps++) sleep(1); }),
    ];
    const began = performance.now();
    const exits = await Promise.all([clientThread(server.port, 500), clientThread(server.port, 700)].map((one) => once(one, 'exit')));
    const elapsed = performance.now() - began;
    over = true;
    await Promise.all(all);
    assert.deepEqual(exits, [[0], [0]]);
    assert.equal(requests - before, 1200);
    for (const what of ['immediates', 'files', 'echoes']) assert.ok(counts[what] > 0, what);
    // A busy machine may make it late, but it must come.
    for (const what of ['timers', 'sleeps']) assert.ok(counts[what] > elapsed / 100, what);
    echo.close();
    await server.close();
  },
  async idle() {
    const server = serve(() => 'ok', { port: 0, host: '127.0.0.1' });
    await takeOver(server.port);
    const before = performance.eventLoopUtilization();
    const began = performance.now();
    const one = clientThread(server.port, 50);
    await once(one, 'exit');
    await delay(200);
    const { idle, active } = performance.eventLoopUtilization(before);
    const elapsed = performance.now() - began;
    assert.ok(idle > 150 && idle < elapsed, `idle ${idle} of ${elapsed}`);
    assert.ok(active > 0 && idle + active < elapsed + 5, `${idle} + ${active} of ${elapsed}`);
    await server.close();
  },
  async back() {
    const server = serve(() => 'ok', { port: 0, host: '127.0.0.1' });
    await takeOver(server.port);
    await until(() => !isOurs());
    // And coroutines are woken as before.
    assert.deepEqual(await once(clientThread(server.port, 3), 'exit'), [0]);
    await spawn(() => { for (let i = 0; i < 3; i++) sleep(1); });
    await server.close();
  },
  async end() {
    const server = serve(() => 'ok', { port: 0, host: '127.0.0.1' });
    await takeOver(server.port);
    // First only this connection is left, then nothing.
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    const closing = server.close();
    socket.destroy();
    await closing;
  },
  async outside() {
    const server = serve(() => 'ok', { port: 0, host: '127.0.0.1' });
    await takeOver(server.port);
    const signal = once(process, 'SIGUSR2');
    process.kill(process.pid, 'SIGUSR2');
    await signal;
    const [text] = await new Promise((resolve, reject) => {
      execFile('echo', ['text'], (error, ...streams) => { error ? reject(error) : resolve(streams); });
    });
    assert.equal(text, 'text\n');
    const worker = new Worker("require('node:worker_threads').parentPort.postMessage(1)", { eval: true });
    // Both may come in one turn of the loop, before anything that awaits the first goes on.
    const exit = once(worker, 'exit');
    assert.deepEqual(await once(worker, 'message'), [1]);
    server.unref();
    await exit;
  },
  async nested() {
    const { turn } = createRequire(import.meta.url)(process.argv[3]);
    const server = serve(() => 'ok', { port: 0, host: '127.0.0.1' });
    await takeOver(server.port);
    let over = false;
    setTimeout(() => { over = true; }, 50);
    let turns = 0;
    for (; !over; turns++) turn();
    // A turn that waits ends after the first event: no other is to come.
    assert.ok(turns > 10, `${turns} turns`);
    assert.ok(!isOurs());
    // And it is taken over again, once the loop is Node's.
    await takeOver(server.port);
    await server.close();
  },
  // As above, in a coroutine, while others are ready, asleep and waited for by clients.
  async inside() {
    const { await: turn } = createRequire(import.meta.url)(process.argv[3]);
    const server = serve(() => 'ok', { port: 0, host: '127.0.0.1' });
    await takeOver(server.port);
    let done = false;
    const ready = spawn(() => { for (let n = 0; !done; n++) if (n % 10 === 0) sleep(1); else yieldNow(); });
    const exits = once(clientThread(server.port, 50), 'exit');
    const [turns, codes] = await spawn(() => {
      let over = false;
      const codes = [];
      const park = () => {
        try {
          sleep(1);
          codes.push('parked');
        } catch (error) {
          codes.push(error.code, /event loop/.test(error.message));
        }
      };
      setTimeout(() => {
        park();
        Promise.resolve().then(park);
        setTimeout(() => { over = true; }, 50);
      }, 10);
      let turns = 0;
      for (; !over; turns++) turn();
      // The loop is Node's again.
      sleep(1);
      return [turns, codes];
    });
    done = true;
    assert.deepEqual(codes, ['ERR_NOT_IN_COROUTINE', true, 'ERR_NOT_IN_COROUTINE', false]);
    assert.ok(turns < 1000, `${turns} turns`);
    await ready;
    assert.deepEqual(await exits, [0]);
    await server.close();
  },
  async worker() {
    const worker = new Worker(new URL(import.meta.url), { workerData: { serves: true } });
    const [port] = await once(worker, 'message');
    assert.deepEqual(await once(clientThread(port, 500), 'exit'), [0]);
    assert.deepEqual(await once(clientThread(port, 500), 'exit'), [0]);
    // Read from here, while it waits.
    const before = worker.performance.eventLoopUtilization();
    await delay(100);
    const { idle } = worker.performance.eventLoopUtilization(before);
    assert.ok(idle > 50, `idle ${idle} of 100`);
    await worker.terminate();
  },
};

if (isMainThread) {
  await cases[process.argv[2]]();
  console.log('ok');
} else if (workerData.serves) {
  const { parentPort } = await import('node:worker_threads');
  parentPort.postMessage(serve(() => 'ok', { port: 0, host: '127.0.0.1' }).port);
} else {
  await client(workerData);
}
