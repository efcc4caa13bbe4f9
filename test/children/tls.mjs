// tls.mjs WHAT: environments that end, and sockets that are forgotten, with TLS on them. The key and certificate are in the
// environment.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';

import { sleep, spawn, wait } from 'stackful';
import { serve } from 'stackful/http';
import { connect, listen, secureContext } from 'stackful/tls';

const { TEST_KEY: key, TEST_CERT: cert, TEST_CA: ca } = process.env;

const scenarios = {
  /** The process ends while connections are in every state. */
  exit() {
    busy();
    sleep(100);
    console.log('ok');
    process.exit(0);
  },
  /** Workers do, by themselves and terminated. */
  async workers() {
    for (const how of ['exit', 'terminate', 'exit', 'terminate']) {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: how });
      // First: the message and the exit may come in the same turn of the loop.
      const exited = new Promise((resolve) => worker.once('exit', resolve));
      await new Promise((resolve, reject) => worker.once('error', reject).once('message', resolve));
      if (how === 'terminate') await worker.terminate();
      await exited;
    }
    console.log('ok');
  },
  /** Sockets that nothing refers to are closed; contexts go with their last connection. */
  async forgotten() {
    const count = async () => {
      for (let i = 0; i < 10; i++) {
        globalThis.gc();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const { native } = await import('../../dist/internal/native.js');
      return native.tlsCount();
    };
    const round = () => spawn(() => {
      const listener = listen({ host: '127.0.0.1', port: 0, key, cert });
      const accepting = spawn(() => {
        const socket = listener.accept();
        socket.handshake();
        return socket;
      });
      const client = connect({ host: '127.0.0.1', port: listener.address.port, ca });
      accepting.join().write('x');
      client.read();
      listener.close();
    });
    for (let i = 0; i < 20; i++) await round();
    await spawn(() => undefined);
    const [sessions, contexts] = await count();
    // The last ones may still be referred to from a stack that rests.
    if (sessions > 6 || contexts > 6) throw new Error(`${sessions} sessions and ${contexts} contexts are left`);
    console.log('ok');
  },
  /** The memory of a process does not grow with the number of connections there were. */
  async flat() {
    const context = secureContext({ key, cert });
    const authority = secureContext({ ca });
    const server = serve(() => 'hello', { host: '127.0.0.1', tls: { secureContext: context } });
    const to = { host: '127.0.0.1', port: server.port, secureContext: authority };
    const some = (n) => spawn(() => { for (let i = 0; i < n; i++) plain(i); });
    const plain = (i) => {
      const socket = connect(to);
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      socket.read();
      if (i % 5 === 0) socket.write('GET / HTTP/1.1\r\nHo');
      socket.close();
    };
    await some(300);
    globalThis.gc();
    const before = process.memoryUsage().rss;
    await some(1500);
    globalThis.gc();
    const grown = (process.memoryUsage().rss - before) / 1e6;
    if (grown > 25) throw new Error(`1500 connections left ${grown} MB`);
    await server.close({ deadline: 0 });
    console.log('ok');
  },
};

/** Connections idle, in a handshake, in the middle of a write, and of requests. */
function busy() {
  const listener = listen({ host: '127.0.0.1', port: 0, key, cert, SNICallback: (name) => { if (name === 'slow') sleep(1e6); } });
  const server = serve(() => { sleep(1e6); }, { host: '127.0.0.1', tls: { key, cert } });
  spawn(() => { for (const socket of listener) spawn(() => { (socket.write('hello'), socket.read()); }); });
  for (let i = 0; i < 5; i++) {
    spawn(() => {
      const socket = connect({ host: '127.0.0.1', port: listener.address.port, ca });
      socket.read();
      if (i % 2) socket.write(Buffer.alloc(64 << 20));
      else socket.read();
    });
    spawn(() => { connect({ host: '127.0.0.1', port: listener.address.port, ca, servername: 'slow' }); });
    spawn(() => {
      const socket = connect({ host: '127.0.0.1', port: server.port, ca });
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      socket.read();
    });
  }
}

if (isMainThread) {
  const scenario = scenarios[process.argv[2]];
  if (scenario === scenarios.exit) spawn(scenario);
  else await scenario();
} else {
  spawn(() => {
    busy();
    sleep(100);
    parentPort.postMessage('ready');
    if (workerData === 'exit') process.exit(0);
    wait(new Promise(() => undefined));
  });
}
