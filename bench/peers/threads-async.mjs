// threads-async.mjs FILE THREADS SECONDS: the handler of subjects/threads.mjs in that many async functions.
import { open } from 'node:fs/promises';
import { pageAlignedBuffer, READ_BYTES, report, RequestQueue, Window } from '../support/reading.mjs';

const [path, count, seconds] = process.argv.slice(2);
const threads = Number(count);
const file = await open(path);
const queue = new RequestQueue(threads, (await file.stat()).size);
const buffer = pageAlignedBuffer();
const window = new Window(Number(seconds), threads);

async function serve() {
  while (!window.over) {
    const request = queue.take();
    await file.read(buffer, 0, READ_BYTES, request.offset);
    queue.put(request);
    window.count();
  }
}

await Promise.all(Array.from({ length: threads }, serve));
report('async', threads, window);
await file.close();
