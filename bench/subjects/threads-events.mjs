// threads-events.mjs FILE REQUESTS SECONDS: the same requests, as events: one loop takes them from a queue, starts what
// each asks for in the disk layer of stackful, and calls the request back with the result.
import { statSync } from 'node:fs';
import { spawn } from 'stackful';
import { open } from 'stackful/fs';
import { pageAlignedBuffer, READ_BYTES, report, RequestQueue, Window } from '../support/reading.mjs';

const [path, count, seconds] = process.argv.slice(2);
const buffer = pageAlignedBuffer();

class Request {
  constructor(offset) {
    this.offset = offset;
  }

  /** The handler of "there is something to read". */
  start(file) {
    this.done(file.read(buffer, 0, READ_BYTES, this.offset));
  }

  /** The handler of "it has been read". */
  done() {
    queue.put(this);
    window.count();
  }
}

const queue = new RequestQueue(Number(count), statSync(path).size, (offset) => new Request(offset));
const window = new Window(Number(seconds), Number(count));

await spawn(() => {
  const file = open(path);
  while (!window.over) queue.take().start(file);
  report('events', Number(count), window);
});
