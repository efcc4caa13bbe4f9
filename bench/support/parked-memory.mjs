// Memory per parked handler, measured from inside the process that holds them. Needs --expose-gc.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Resident bytes. smaps_rollup counts pages; statm's counters may lag behind by some per thread and core. */
function residentBytes() {
  const line = /^Rss:\s+(\d+) kB/m.exec(readFileSync('/proc/self/smaps_rollup', 'latin1'));
  return Number(line[1]) * 1024;
}

async function settledMemory() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await delay(20);
  }
  return { resident: residentBytes(), heap: process.memoryUsage().heapUsed };
}

/**
 * Calls `start(i)` `count` times, waits until `parked()` says that all are parked, prints the growth and
 * exits. A few come first and stay, so that code and what the runtime sets up once are not counted.
 */
export async function measureParked(subject, count, start, parked) {
  const first = 200;
  const fill = async (from, to) => {
    for (let i = from; i < to; i++) start(i);
    while (parked() < to) await delay(5);
  };
  await fill(0, first);
  const before = await settledMemory();
  await fill(first, first + count);
  const after = await settledMemory();
  const at = { coroutines: count };
  const sample = (metric, bytes) => ({ subject, metric, value: bytes / count, unit: 'bytes', at });
  const samples = [
    sample('rss_bytes_per_coroutine', after.resident - before.resident),
    sample('heap_bytes_per_coroutine', after.heap - before.heap),
  ];
  // Written to the end before leaving: what is parked would keep the process alive.
  process.stdout.write(`${JSON.stringify(samples)}\n`, () => process.exit(0));
}
