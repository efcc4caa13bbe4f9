// knot-mixed.mjs PORT (admission | none | LIMIT | CPU-DEVICE-MEMORY): requests that need the processor, threads of the pool, or memory.
// With a LIMIT a semaphore lets so many requests in, and the others are refused; with three numbers each route has its own.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configure, Semaphore, sleep } from 'stackful';
import { read, write } from 'stackful/fs';
import { router, serve } from 'stackful/http';
import { page } from '../support/page.mjs';

const [, , port, kind] = process.argv;

// Two FIFOs to a process that answers every byte after a while; open for both ways, so that no open waits for the other end.
const directory = mkdtempSync(join(tmpdir(), 'stackful-bench-mixed-'));
const [asked, answered] = ['asked', 'answered'].map((name) => join(directory, name));
execFileSync('mkfifo', [asked, answered]);
const [toDevice, fromDevice] = [openSync(asked, 'r+'), openSync(answered, 'r+')];
const device = spawn(process.execPath, [new URL('../support/slow-device.mjs', import.meta.url).pathname, asked, answered], {
  stdio: ['pipe', 'ignore', 'ignore'],
});
device.unref();
device.stdin.unref();
process.on('SIGTERM', () => process.exit());
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

/** Asks the device, and waits for an answer in a thread of the pool, as for a disk: hardly any work for this thread. */
function slowDevice() {
  write(toDevice, 'x');
  const answer = Buffer.alloc(1);
  read(fromDevice, answer, 0, 1, null);
  return 'answered\n';
}

/** About 3 MB, which it needs for half a second. */
function memory() {
  const rows = [];
  for (let i = 0; i < 400; i++) rows.push(new Array(1000).fill(i / 2));
  sleep(500);
  return `${rows.length}\n`;
}

/** Lets so many in at a time, and refuses the others. */
function atMost(limit, handler) {
  const permits = new Semaphore(Number(limit));
  return (request) => {
    if (!permits.tryAcquire()) return { status: 503, headers: { 'Retry-After': '1' } };
    try {
      return handler(request);
    } finally {
      permits.release();
    }
  };
}

const whole = (_limit, handler) => handler;
const perRoute = /^\d+-\d+-\d+$/.test(kind) ? kind.split('-') : [];
const around = perRoute.length > 0 ? atMost : whole;
const handler = router()
  .get('/cpu', around(perRoute[0], () => page()))
  .get('/device', around(perRoute[1], slowDevice))
  .get('/memory', around(perRoute[2], memory))
  .get('/', () => 'ready\n');
if (kind === 'admission') configure({ admission: true });
const limited = /^\d+$/.test(kind) ? atMost(kind, handler) : handler;
serve(limited, { port: Number(port), host: '127.0.0.1', backlog: 4096 });
