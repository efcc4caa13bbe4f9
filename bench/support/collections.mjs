// Pauses of collections while handlers are parked, measured from inside the process. Needs --expose-gc.
import { setTimeout as delay } from 'node:timers/promises';

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

function pause(type) {
  const began = performance.now();
  // Node 20 takes any argument for a minor collection.
  if (type === 'minor') globalThis.gc({ type });
  else globalThis.gc();
  return performance.now() - began;
}

/**
 * `start(i)` starts handler `i`, `park(i)` is what it calls innermost: it returns a promise, which the handler
 * waits for in its own way, again and again. Prints samples and exits.
 */
export async function measureCollections(subject, count, start) {
  const resume = new Array(count);
  let parked = 0;
  const park = (i) => {
    parked++;
    return new Promise((resolve) => {
      resume[i] = resolve;
    });
  };
  const settled = async () => {
    while (parked < count) await delay(1);
  };
  for (let i = 0; i < count; i++) start(i, park);
  await settled();
  await delay(20);

  // What a handler holds gets old first: that is the state of one that has been waiting for a while.
  for (let i = 0; i < 6; i++) {
    pause('minor');
    await delay(2);
  }
  const quiet = [];
  for (let i = 0; i < 21; i++) {
    quiet.push(pause('minor'));
    await delay(2);
  }

  // One in a hundred runs between two collections, always other ones.
  const some = Math.max(1, Math.floor(count / 100));
  const stirred = [];
  for (let i = 0, next = 0; i < 30; i++) {
    parked -= some;
    for (let k = 0; k < some; k++, next = (next + 1) % count) resume[next]();
    await settled();
    stirred.push(pause('minor'));
  }
  stirred.splice(0, 9);

  const full = [];
  for (let i = 0; i < 5; i++) full.push(pause('major'));

  const at = { coroutines: count };
  const sample = (metric, values) => ({ subject, metric, value: median(values), unit: 'ms', at });
  const samples = [
    sample('minor_gc_ms', quiet),
    sample('minor_gc_1_percent_resumed_ms', stirred),
    sample('full_gc_ms', full),
  ];
  process.stdout.write(`${JSON.stringify(samples)}\n`, () => process.exit(0));
}
