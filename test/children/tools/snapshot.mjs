// snapshot.mjs FILE: writes a heap snapshot from inside a coroutine while others are parked with objects only they hold.
import { writeHeapSnapshot } from 'node:v8';
import { sleep, spawn } from 'stackful';

class HeldByParkedCoroutine {
  constructor(n) {
    this.n = n;
  }
}
const parked = Array.from({ length: 5 }, (_, n) => spawn(() => {
  const held = new HeldByParkedCoroutine(n);
  sleep(60);
  return held.n;
}));
await spawn(() => {
  sleep(5);
  writeHeapSnapshot(process.argv[2]);
});
console.log((await Promise.all(parked)).join());
