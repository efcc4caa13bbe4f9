// work.mjs [SWITCHES]: coroutines that park in ordinary ways, and compute for long enough that a profiler sees it; ends with "ok".
import { sleep, spawn, wait, yieldNow } from 'stackful';

const switches = Number(process.argv[2] ?? 4000);

function computeInCoroutine(n) {
  let sum = 0;
  for (let i = 0; i < 2e5; i++) sum += (i % 7) * n;
  return sum;
}

function allocateInCoroutine() {
  return Array.from({ length: 2000 }, (_, i) => ({ i, text: `object ${i}` }));
}

function bodyOfCoroutine(n) {
  const kept = [];
  for (let i = 0; i < switches / 10; i++) {
    yieldNow();
    if (i % 40 === n) computeInCoroutine(n);
    if (i % 100 === n) kept.push(allocateInCoroutine()), wait(Promise.resolve());
    if (i % 300 === n) sleep(0.2);
  }
  return kept;
}

const results = await Promise.all(Array.from({ length: 10 }, (_, n) => spawn(() => bodyOfCoroutine(n))));
console.log(results.every((kept) => kept.length > 0) ? 'ok' : 'wrong');
