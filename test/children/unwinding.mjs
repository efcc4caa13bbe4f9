// unwinding.mjs HOW WHERE ADDON [PLACE...]: coroutines parked below C++ of Node's and of an addon's, when their thread ends. HOW is
// terminate (a worker, from outside), exit (process.exit) or end (nothing is left to wait for); WHERE is worker or main. Prints what
// must not run, and "ended CODE" of a worker. Without a PLACE it is all those whose C++ does not call the end off.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readlinkSync, rmSync, writeSync } from 'node:fs';
import http from 'node:http';
import inspector from 'node:inspector';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Channel, shield, spawn, wait, yieldNow } from 'stackful';
import { open } from 'stackful/fs';
import { connect, listen } from 'stackful/net';

const [, , how, where, addonPath, ...places] = process.argv;
const addon = createRequire(import.meta.url)(addonPath);
let parked = 0;
function never() {
  parked++;
  wait(new Promise(() => {}));
}

/** Arrives even from a thread that is ending. */
function say(...what) {
  writeSync(1, `${format(...what)}\n`);
}

/** Calls `place(park)`, and says so if anything of JavaScript above or below it runs after the park. */
function below(place, park) {
  try {
    place(() => {
      try {
        park();
      } catch (error) {
        say('caught inside', error);
      } finally {
        say('finally inside');
      }
    });
    say('returned');
  } catch (error) {
    say('caught', error);
  } finally {
    say('finally');
  }
}

/** Lets data arrive in the call that brings it: what streams do once they have begun to flow. */
const turn = () => { wait(new Promise((done) => { setImmediate(done); })); };

/** Two ends of one connection: the writer pushes what it writes to one end into the other. */
function pair() {
  const ends = [0, 1].map((i) => new Duplex({ read() {}, write(chunk, _, done) { ends[1 - i].push(chunk); done(); } }));
  for (const end of ends) end.setTimeout = end.setNoDelay = end.setKeepAlive = end.ref = end.unref = () => end;
  return ends;
}

function evaluate(park) {
  const session = new inspector.Session();
  session.connect();
  globalThis.park = park;
  session.post('Runtime.evaluate', { expression: 'park()' }, () => say('answered'));
}

const secret = Buffer.from('secret');
const PSK = { ciphers: 'PSK-AES128-GCM-SHA256', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };
/** A TLS connection over `ends`; `begun` once it can carry data. */
function secured([local, remote], server = {}, client = {}) {
  const far = new tls.TLSSocket(remote, { isServer: true, ...PSK, pskCallback: () => secret, ...server });
  const near = tls.connect({ socket: local, ...PSK, pskCallback: () => ({ psk: secret, identity: 'a' }), checkServerIdentity() {}, ...client });
  for (const end of [near, far]) end.on('error', (error) => { say(error); });
  const begun = Promise.all([new Promise((done) => { near.once('secureConnect', done); }), new Promise((done) => { far.once('secure', done); })]);
  return { near, far, begun };
}

/** Pushes what `read` returns, until it returns nothing, in a coroutine of its own. */
function pump(stream, read) {
  spawn(() => {
    try {
      for (let bytes; (bytes = read());) stream.push(bytes);
      say('read on');
    } catch (error) {
      say('caught by the reader', error);
    } finally {
      say('finally of the reader');
    }
  });
  return stream;
}

/** A socket of ours as a stream. */
function streamOf(socket) {
  return pump(new Duplex({ read() {}, write(chunk, _, done) { spawn(() => { socket.write(chunk); }).then(() => done(), done); } }), () => socket.read());
}

/** Two streams; coroutines push what is written to the one into the other. */
function pumped() {
  const channels = [new Channel(100), new Channel(100)];
  return channels.map((channel, i) => pump(new Duplex({ read() {}, write(chunk, _, done) { channels[1 - i].trySend(chunk); done(); } }), () => channel.receive()));
}

const request = (path) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n`;
function server(park) {
  const made = http.createServer((incoming) => {
    if (incoming.url === '/head') park();
    incoming.on('data', () => { park(); });
  });
  const [local, remote] = pair();
  made.emit('connection', remote);
  turn();
  return (bytes) => { local.write(bytes); };
}

const directory = workerData ?? mkdtempSync(join(tmpdir(), 'unwinding-'));
let fifos = 0;
function fifo() {
  const path = join(directory, `fifo-${String(fifos++)}`);
  execFileSync('mkfifo', [path]);
  return path;
}

/** Each of them calls `park` below C++. */
const quiet = {
  inspector: evaluate,
  'inspector, two deep': (park) => { deep(evaluate, park, 2); },
  'http head': (park) => { server(park)(request('/head')); },
  'http body': (park) => { const push = server(park); push(request('/body')); turn(); push('ab'); },
  'tls handshake': (park) => { wait(secured(pumped(), { pskCallback: () => { park(); return secret; } }).begun); },
  'tls data': (park) => { receive(secured(pumped()), park); },
  plain: (park) => { addon.plain(park, 0); },
  scoped: (park) => { addon.scoped(park, 0); },
  escapable: (park) => { addon.escapable(park, 0); },
  callbackScope: (park) => { addon.callbackScope(park, 0); },
  makeCallback: (park) => { addon.makeCallback(park, 0); },
  inCatch: (park) => { addon.inCatch(park, 0); },
  inUnwinding: (park) => { addon.inUnwinding(park, 0); },
  rounding: (park) => { addon.rounding(park, 0); },
  localised: (park) => { addon.localised(park, 0); },
};
/** The waits of these keep the thread from ending by itself. */
const waiting = {
  'tls over a socket of ours': (park) => {
    const listener = listen({ port: 0 });
    const accepting = spawn(() => listener.accept());
    const socket = connect({ port: listener.address.port });
    receive(secured([streamOf(socket), streamOf(accepting.join())]), park);
  },
  // More of them than the disk has threads at first: some have been begun and never end, others have not.
  'a file that is opened': () => {
    for (let i = 0; i < 2; i++) spawn(() => { evaluate(() => { parked += 0.5; open(fifo()); }); });
    wait(new Promise(() => {}));
  },
};
const swallowing = {
  'inspector, six deep': (park) => { deep(evaluate, park); },
  'addon, six deep': (park) => { deep((next) => { addon.swallowing(next, 0); }, park); },
  'a loop around it': (park) => { for (;;) addon.swallowing(park, 0); },
};
const special = {
  /** A file that a thread has opened for a coroutine, which has not had its turn yet, is closed. */
  'a file that has been opened': () => {
    const path = fifo();
    const opening = spawn(() => { below(evaluate, () => open(path)); });
    spawn(() => {
      yieldNow();
      openSync(path, 'r+');
      while (opening.state === 'parked') yieldNow();
      process.exit(3);
    });
  },
};

function receive({ near, far, begun }, park) {
  wait(begun);
  far.on('data', () => { park(); });
  near.write('x');
  wait(new Promise(() => {}));
}

function deep(place, park, layers = 6) {
  below(place, layers > 1 ? () => { deep(place, park, layers - 1); } : park);
}

const parks = [
  never,
  () => { [3, 1, 2].sort((a, b) => (never(), a - b)); },
  () => { shield(() => { never(); }); },
];

function begin() {
  const all = { ...quiet, ...(how === 'end' ? {} : waiting) };
  let expected = 0;
  for (const name of places.length > 0 ? places : Object.keys(all)) {
    if (name in special) return special[name]();
    for (const park of parks) {
      spawn(() => { below({ ...all, ...swallowing }[name], park); });
      expected++;
    }
  }
  for (let i = 0; i < 20; i++) spawn(() => { wait(new Promise(() => {})); });
  const timer = setInterval(() => {
    if (parked < expected) return;
    clearInterval(timer);
    parentPort?.postMessage('parked');
    if (how === 'exit') process.exit(3);
    if (how === 'terminate') setInterval(() => {}, 1000);
  }, 20);
}

/** The files that are open in `directory`. */
function leftOpen() {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try { return [readlinkSync(`/proc/self/fd/${fd}`)]; } catch { return []; }
  }).filter((path) => path.startsWith(directory));
}

if (isMainThread && where === 'worker') {
  const worker = new Worker(fileURLToPath(import.meta.url), { argv: [how, 'inside', addonPath, ...places], workerData: directory });
  worker.on('message', () => { if (how === 'terminate') worker.terminate(); });
  worker.on('error', (error) => { say('error', error); });
  worker.on('exit', (code) => { say('ended', code, ...leftOpen()); });
} else {
  begin();
}
if (isMainThread) process.on('exit', () => { rmSync(directory, { recursive: true }); });
