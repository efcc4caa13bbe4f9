// net_descriptors.mjs WHAT: descriptors of sockets that are closed, forgotten, or cannot be had.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, Worker } from 'node:worker_threads';

import { sleep, spawn, stats, wait } from 'stackful';
import { readFile } from 'stackful/fs';
import { connect, listen, pipe } from 'stackful/net';

const count = () => readdirSync('/proc/self/fd').length;
const turn = () => wait(new Promise((resolve) => setImmediate(resolve)));

/** For calls that are expected to fail. */
function attempt(fn) {
  try {
    fn();
  } catch (error) {
    if (!['ERR_CANCELLED', 'ECONNREFUSED', 'EADDRINUSE'].includes(error.code)) throw error;
  }
}

function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`);
}

function conversation(port) {
  const client = connect({ port, host: '127.0.0.1' });
  client.write('x\n');
  client.readLine();
  return client;
}

const scenarios = {
  /** Every way in which a connection can end. */
  closed() {
    const before = count();
    const sockets = stats().openSockets;
    const listener = listen({ port: 0, host: '127.0.0.1' });
    spawn(() => {
      for (const socket of listener)
        spawn(() => (socket.write(socket.readLine() + '\n'), socket.read(), socket.close()));
    });
    const { port } = listener.address;
    // A function, because the errors of the cancelled, and with them their sockets, live as long as its
    // variables.
    const round = () => {
      const parked = Array.from({ length: 20 }, () =>
        spawn(() => {
          attempt(() => conversation(port).read());
        }),
      );
      const clients = Array.from({ length: 20 }, () => conversation(port));
      for (const coroutine of parked) coroutine.cancel();
      for (const coroutine of parked) coroutine.join();
      for (const client of clients) client.close();
      attempt(() => connect({ port: 1, host: '127.0.0.1' }));
      attempt(() => listen({ port, host: '127.0.0.1' }));
    };
    for (let i = 0; i < 20; i++) round();
    listener.close();
    for (let i = 0; count() > before && i < 200; i++) (globalThis.gc(), turn(), sleep(5));
    equal(count(), before, 'descriptors');
    equal(stats().openSockets, sockets, 'sockets');
  },

  /** Sockets and listeners that no code has closed. */
  forgotten() {
    const before = count();
    (function forget() {
      const listener = listen({ port: 0, host: '127.0.0.1' });
      for (let i = 0; i < 50; i++) {
        connect({ port: listener.address.port, host: '127.0.0.1' });
        listener.accept();
      }
    })();
    if (count() <= before) throw new Error('too few descriptors');
    for (let i = 0; count() > before && i < 200; i++) (globalThis.gc(), turn(), sleep(5));
    equal(count(), before, 'descriptors');
  },

  /**
   * A worker that is terminated while its coroutines are parked on sockets, on full connections, in `pipe` and on a FIFO.
   */
  terminated() {
    const directory = mkdtempSync(join(tmpdir(), 'stackful-'));
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const round = () => {
      const worker = new Worker(new URL(import.meta.url), { argv: ['parked', fifo] });
      wait(once(worker, 'message'));
      wait(worker.terminate());
      // The thread that is in open(2) for the worker keeps something until that returns.
      closeSync(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK));
    };
    // Node opens some at its first worker that stay.
    round();
    sleep(300);
    const before = count();
    for (let i = 0; i < 4; i++) round();
    for (let i = 0; i < 400 && count() > before; i++) sleep(5);
    if (count() > before) equal(count(), before, 'descriptors');
    rmSync(directory, { recursive: true });
  },

  /** In that worker. */
  parked() {
    const listener = listen({ port: 0, host: '127.0.0.1' });
    const { port } = listener.address;
    const parked = Array.from({ length: 20 }, (_, i) => {
      const client = connect({ port, host: '127.0.0.1' });
      const server = listener.accept();
      return [
        spawn(() => (i % 2 ? client.read() : client.readLine())),
        spawn(() => server),
        spawn(() => client.write(i % 2 ? Buffer.alloc(2e7) : 'x'.repeat(2e7))),
        spawn(() => client.writev(['behind', Buffer.alloc(10)])),
      ];
    }).flat();
    // Passed on to peers that do not read, so that bytes are in the kernel's pipes.
    const ends = Array.from({ length: 6 }, () => [connect({ port, host: '127.0.0.1' }), listener.accept()]);
    for (let i = 0; i < ends.length; i += 2) {
      parked.push(
        spawn(() => ends[i][0].write(Buffer.alloc(4e7))),
        spawn(() => pipe(ends[i][1], ends[i + 1][0])),
      );
    }
    parked.push(
      spawn(() => listener.accept()),
      spawn(() => readFile(process.argv[3])),
    );
    // A sleeper goes before those that are ready.
    while (!parked.every((coroutine) => coroutine.state === 'parked' || coroutine.state === 'done')) sleep(1);
    sleep(20);
    parentPort.postMessage('ready');
    sleep(1e6);
  },

  /** Without descriptors accept throws; a loop over connections waits until there are some again. */
  shortage() {
    // Above this many the system gives no more; soft limits count the highest number, so fill the gaps first.
    const limit = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }));
    const listener = listen({ port: 0, host: '127.0.0.1' });
    const { port } = listener.address;
    // All the lookups and modules are loaded by now.
    conversationsWith(listener, port);
    const held = [];
    try {
      for (;;) held.push(listen({ port: 0, host: '127.0.0.1' }));
    } catch (error) {
      equal(error.code, 'EMFILE', 'listen');
      equal(error.syscall, 'listen', 'listen');
    }
    if (held.length > limit) throw new Error('the limit does not hold');
    held.pop().close();
    const client = connect({ port, host: '127.0.0.1' });
    try {
      listener.accept();
      throw new Error('accepted without a descriptor');
    } catch (error) {
      equal(error.message, 'accept EMFILE', 'accept');
      equal(error.errno, -24, 'accept');
    }
    const warnings = [];
    process.on('warning', (warning) => warnings.push(warning.code));
    const loop = spawn(() => {
      for (const socket of listener) {
        socket.write('late\n');
        socket.close();
      }
    });
    sleep(50);
    equal(warnings.join(), 'EMFILE', 'warnings');
    equal(loop.state === 'done', false, 'loop');
    held.pop().close();
    equal(client.readLine(), 'late', 'answer');
    try {
      for (;;) held.push(connect({ port, host: '127.0.0.1' }));
    } catch (error) {
      equal(error.code, 'EMFILE', 'connect');
    }
    listener.close();
    loop.join();
  },
};

function conversationsWith(listener, port) {
  const server = spawn(() => {
    const socket = listener.accept();
    socket.write(`${socket.readLine()}\n`);
    socket.close();
  });
  conversation(port).close();
  server.join();
}

const what = process.argv[2];
if (what === 'shortage' && process.argv[3] === undefined) {
  // Limits are inherited, and no Node sets them.
  const self = fileURLToPath(import.meta.url);
  process.stdout.write(
    execFileSync('sh', ['-c', 'ulimit -n 100; exec "$0" "$@"', process.execPath, self, what, 'limited'], {
      encoding: 'utf8',
    }),
  );
} else {
  await spawn(scenarios[what]);
  console.log('ok');
}
