// knot-mixed.mjs PORT (admission | none | LIMIT): requests that need the processor, the disk and the pool's threads, or memory. With
// a LIMIT a semaphore lets so many requests in, and the others are refused.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configure, Semaphore, sleep } from 'stackful';
import { open } from 'stackful/fs';
import { router, serve } from 'stackful/http';
import { page } from '../support/page.mjs';

const [, , port, kind] = process.argv;
const directory = mkdtempSync(join(tmpdir(), 'stackful-bench-mixed-'));
process.on('SIGTERM', () => process.exit());
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

const block = Buffer.alloc(256 * 1024, 'x');
const files = [];
let made = 0;

/** Writes 1 MiB, in four pieces that are on the disk before the next: hardly any work for this thread. */
function disk() {
  const file = files.pop() ?? open(join(directory, `${made++}`), 'w');
  for (let i = 0; i < 4; i++) {
    file.write(block, 0, block.length, 0);
    file.sync();
  }
  files.push(file);
  return 'written\n';
}

/** About 3 MB, which it needs for half a second. */
function memory() {
  const rows = [];
  for (let i = 0; i < 400; i++) rows.push(new Array(1000).fill(i / 2));
  sleep(500);
  return `${rows.length}\n`;
}

const handler = router().get('/cpu', () => page()).get('/disk', disk).get('/memory', memory).get('/', () => 'ready\n');
let limited = handler;
if (kind === 'admission') configure({ admission: true });
else if (kind !== 'none') {
  const permits = new Semaphore(Number(kind));
  limited = (request) => {
    if (!permits.tryAcquire()) return { status: 503, headers: { 'Retry-After': '1' } };
    try {
      return handler(request);
    } finally {
      permits.release();
    }
  };
}
serve(limited, { port: Number(port), host: '127.0.0.1', backlog: 4096 });
