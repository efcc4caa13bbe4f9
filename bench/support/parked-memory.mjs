// Memory per parked handler, measured from inside the process that holds them. Needs --expose-gc.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Resident bytes. smaps_rollup counts pages; statm's counters may lag behind by some per thread and core. */
export function residentBytes() {
  const line = /^Rss:\s+(\d+) kB/m.exec(readFileSync('/proc/self/smaps_rollup', 'latin1'));
  return Number(line[1]) * 1024;
}

function pageTableBytes() {
  return Number(/^VmPTE:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1'))[1]) * 1024;
}

async function settledMemory() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await delay(20);
  }
  return { resident: residentBytes(), heap: process.memoryUsage().heapUsed, pageTables: pageTableBytes() };
}

/**
 * Calls `start(i)` `count` times, waits until `parked()` says that all are parked, and notes the growth. Then
 * `release(handlers)` lets them all go on: what `start` returned are promises of their results, and each must be its `i`.
 * Prints samples. A few come first, so that code and what the runtime sets up once are not counted.
 */
export async function measureParked(subject, count, { start, parked, release }) {
  const first = 200;
  const handlers = [];
  const fill = async (from, to) => {
    for (let i = from; i < to; i++) handlers.push(start(i));
    while (parked() < to) await delay(5);
  };
  await fill(0, first);
  const before = await settledMemory();
  await fill(first, first + count);
  const after = await settledMemory();

  release(handlers);
  let right = 0;
  for (const [i, handler] of handlers.entries()) if ((await handler) === i) right++;
  if (right !== first + count) throw new Error(`${first + count - right} handlers came back with a wrong result`);

  const at = { coroutines: count };
  const sample = (metric, bytes) => ({ subject, metric, value: bytes / count, unit: 'bytes', at });
  console.log(
    JSON.stringify([
      sample('rss_bytes_per_coroutine', after.resident - before.resident),
      sample('heap_bytes_per_coroutine', after.heap - before.heap),
      sample('page_table_bytes_per_coroutine', after.pageTables - before.pageTables),
    ]),
  );
}

/** What a handler was called with, if everything its six frames held is still right; NaN otherwise. */
export function resultOf({ request, answer: { path, session } }) {
  const { id, table, row, limit } = session.user;
  const right =
    session.request === request &&
    session.token === request.id &&
    path === '/user' &&
    id === request.id &&
    row.key === id &&
    limit === id + 1 &&
    row.text.startsWith(`${table}/${id}@`);
  return right ? id : NaN;
}
