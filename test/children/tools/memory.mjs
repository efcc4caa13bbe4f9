// memory.mjs: a coroutine fills the heap while others are parked. The process must then do what plain Node does.
import { setHeapSnapshotNearHeapLimit } from 'node:v8';
import { sleep, spawn, yieldNow } from 'stackful';

if (process.argv[2] === 'snapshot') setHeapSnapshotNearHeapLimit(1);
for (let i = 0; i < 50; i++) spawn(() => sleep(1e6));
const kept = [];
const fill = () => {
  for (let i = 0; ; i++) {
    kept.push(Array.from({ length: 500 }, (_, k) => ({ k })));
    if (i % 16 === 0) yieldNow();
  }
};
spawn(fill);
spawn(fill);
