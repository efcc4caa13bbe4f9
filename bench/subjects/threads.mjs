// threads.mjs FILE THREADS SECONDS SWITCH: that many coroutines, made beforehand, which answer requests by reading.
// They give way when the scheduler says so (after 64 reads that did not have to wait), or with SWITCH after each one.
import { statSync } from 'node:fs';
import { spawn, yieldNow } from 'stackful';
import { open } from 'stackful/fs';
import { pageAlignedBuffer, READ_BYTES, report, RequestQueue, Window } from '../support/reading.mjs';

const [path, count, seconds, mode] = process.argv.slice(2);
const threads = Number(count);
const switching = mode === 'switch';
const queue = new RequestQueue(threads, statSync(path).size);
const buffer = pageAlignedBuffer();

await spawn(() => {
  const file = open(path);
  let window;
  const answer = (request) => {
    file.read(buffer, 0, READ_BYTES, request.offset);
    queue.put(request);
    window.count();
  };
  const serve = () => {
    // All have read once before the first one goes on: their stacks are in memory when the window opens.
    answer(queue.take());
    yieldNow();
    while (!window.over) {
      answer(queue.take());
      if (switching) yieldNow();
    }
  };
  // Compiled before the many start. Else each of them would be moved to compiled code on its own stack in the middle of
  // its loop, at 3 us apiece: with 100,000 that is most of a window.
  for (let i = 0; i < 1000; i++) {
    window = Window.shortest();
    spawn(serve).join();
  }
  const all = Array.from({ length: threads }, () => spawn(serve));
  window = new Window(Number(seconds), threads);
  for (const each of all) each.join();
  report(switching ? 'stackful-switching' : 'stackful', threads, window);
});
