/** Dining philosophers: five forks, five philosophers, each of whom needs two forks at a time. */

import { sleep } from 'stackful';

export const SEATS = 5;
const IN_HAND = 0;
const MEALS = 1;

/** Returns how often each has eaten. Throws if two had the same fork in hand at a time. */
export function dine(threads, meals) {
  const forks = Array.from({ length: SEATS }, (_, i) => new threads.Mutex({ type: 'errorcheck', name: `fork ${i}` }));
  const counts = new Int32Array(new SharedArrayBuffer(SEATS * 8));
  const table = { forks, counts, meals };
  const philosophers = forks.map((_, seat) =>
    threads.create(import.meta.url, { table, seat }, { entry: 'philosopher', name: `philosopher ${seat}` }));
  const names = philosophers.map((thread) => threads.join(thread));
  return { names, meals: Array.from({ length: SEATS }, (_, seat) => counts[seat * 2 + MEALS]) };
}

export function philosopher({ table: { forks, counts, meals }, seat }) {
  const next = (seat + 1) % SEATS;
  // All take the fork with the lower number first, so that no circle of waiting philosophers can close.
  const [first, second] = seat < next ? [seat, next] : [next, seat];
  for (let meal = 0; meal < meals; meal++) {
    forks[first].withLock(() => {
      forks[second].withLock(() => { eat(counts, seat, next, meal); });
    });
  }
  return `philosopher ${seat} is full`;
}

function eat(counts, left, right, meal) {
  for (const fork of [left, right]) {
    if (Atomics.add(counts, fork * 2 + IN_HAND, 1) !== 0) throw new Error(`fork ${fork} is in two hands`);
  }
  if (meal % 3 === 0) sleep(0.1);
  for (const fork of [left, right]) Atomics.sub(counts, fork * 2 + IN_HAND, 1);
  counts[left * 2 + MEALS]++;
}
