// half_loaded.mjs DIRECTORY: imports its slow.cjs while a coroutine is in the middle of requiring it.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Event, spawn, yieldNow } from 'stackful';

const path = join(process.argv[2], 'slow.cjs');
const gate = new Event();
globalThis.inModule = () => { gate.wait(); };
const first = spawn(() => { createRequire(path)(path); });
await spawn(() => { yieldNow(); });
try {
  console.log('imported', await import(pathToFileURL(path).href));
} catch (error) {
  console.log(error.code);
}
gate.set();
await first;
