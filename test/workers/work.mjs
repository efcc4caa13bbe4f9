// The module that test/async/offload.test.ts runs on other threads.
import { threadId } from 'node:worker_threads';

export default function work(kind, value) {
  switch (kind) {
    case 'double': return value * 2;
    case 'later': return new Promise((resolve) => setTimeout(resolve, 5, value));
    case 'thread': return threadId;
    case 'fail': throw Object.assign(new RangeError('inner'), { code: 'ERR_MINE' });
    case 'spin': for (;;);
  }
  return undefined;
}
