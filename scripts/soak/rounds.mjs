// One round of the soak: coroutines that give way to each other, coroutines that spawn others
// which return, throw or are cancelled in each state there is, coroutines that park in every kind of frame; collections in
// between; and some coroutines that have been parked for many rounds go on.
import { CancelledError, sleep, spawn, wait, yieldNow } from 'stackful';
import { makeScenarios } from '../../test/children/scenarios.mjs';
import { randomFrom } from './random.mjs';

const YIELDERS = 8;
const YIELDS = 1000;
const SPAWNERS = 4;
const SPAWNS = 250;
const SCENARIOS = 24;
const LONG_PARKED = 200;
const RELEASED = 5;
const FULL_COLLECTION_EVERY = 8;

export const counts = { rounds: 0, checks: 0, thrown: 0, cancelled: 0, collections: 0, workers: 0, workerYields: 0 };

export function equal(actual, expected, what) {
  counts.checks++;
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} instead of ${String(expected)}`);
}

function collect(full) {
  counts.collections++;
  // Node 20 takes any argument for a minor collection.
  if (full) globalThis.gc();
  else globalThis.gc({ type: 'minor' });
}

/** Gives way many times, with values in registers, on the stack and in the heap. */
function yielder(n) {
  const kept = { n, text: `yielder ${n}` };
  let double = n + 0.5;
  let sum = 0;
  for (let i = 0; i < YIELDS; i++) {
    yieldNow();
    sum += i;
    double += 0.25;
    if ((i & 63) === 0) equal(kept.n, n, kept.text);
  }
  equal(sum, (YIELDS * (YIELDS - 1)) / 2, 'sum');
  equal(double, n + 0.5 + YIELDS / 4, 'double');
  return n;
}

function throws(fn, matches, what) {
  try {
    fn();
  } catch (error) {
    if (!matches(error)) throw error;
    counts.checks++;
    return;
  }
  throw new Error(`${what} did not throw`);
}

/** A coroutine that is ended early in some park, and gives back what it has. */
function cancelled(random, n) {
  let begun = false;
  let undone = false;
  const parks = [
    () => sleep(1e6),
    () => wait(new Promise(() => {})),
    () => spawn(() => sleep(0.01)).join(),
    () => { for (;;) yieldNow(); },
  ];
  const park = parks[random(parks.length)];
  const body = () => {
    begun = true;
    try {
      for (;;) park();
    } finally {
      undone = true;
    }
  };
  const child = spawn(body);
  for (let i = random(4); i > 0; i--) yieldNow();
  child.cancel(n);
  throws(() => child.join(), (error) => error instanceof CancelledError && error.reason === n, 'joining a cancelled one');
  equal(undone, begun, 'finally');
  counts.cancelled++;
}

function spawner(random, n) {
  for (let i = 0; i < SPAWNS; i++) {
    const kept = { i };
    switch (random(32)) {
      case 0: {
        const error = new Error(`thrown by ${i}`);
        throws(() => spawn(() => { yieldNow(); throw error; }).join(), (caught) => caught === error, 'joining one that failed');
        counts.thrown++;
        break;
      }
      case 1:
        cancelled(random, i);
        break;
      case 2:
        equal(spawn(() => spawn(() => (yieldNow(), i)).join() + 1).join(), i + 1, 'nested');
        break;
      case 3: {
        const all = Array.from({ length: 8 }, (_, k) => spawn(() => (yieldNow(), { sum: i + k })));
        for (const [k, one] of all.entries()) equal(one.join().sum, i + k, 'one of eight');
        break;
      }
      default:
        equal(spawn(() => kept.i + n).join(), i + n, 'result');
    }
    equal(kept.i, i, 'kept');
  }
  return n;
}

/** Parks for many rounds, some frames deep, until it is told a value, or cancelled. */
function longParked(n) {
  const deep = (k, park) => {
    const local = { k };
    const value = k === 0 ? park() : deep(k - 1, park);
    equal(local.k, k, 'local of one that was parked for long');
    return value;
  };
  let tell;
  const told = new Promise((resolve) => (tell = resolve));
  const coroutine = spawn(() => deep(n % 30, () => wait(told)) + n);
  return { n, tell, coroutine };
}

export class Rounds {
  #random;
  #scenarios;
  #names;
  #long = Array.from({ length: LONG_PARKED }, (_, n) => longParked(n));

  constructor(seed) {
    const random = (this.#random = randomFrom(seed));
    const park = () => {
      const kept = { n: random(1000) };
      const { n } = kept;
      switch (random(8)) {
        case 0:
          sleep(random(3) / 10);
          break;
        case 1:
          equal(wait(Promise.resolve(n)), n, 'wait');
          break;
        case 2:
          equal(spawn(() => kept.n).join(), n, 'join');
          break;
        default:
          yieldNow();
      }
      equal(kept.n, n, 'park');
    };
    this.#scenarios = makeScenarios(park, random, equal);
    this.#names = Object.keys(this.#scenarios);
  }

  /** Inside a coroutine; returns when all have ended. */
  run() {
    const round = counts.rounds++;
    const random = this.#random;
    const all = [];
    for (let n = 0; n < YIELDERS; n++) all.push(spawn(() => yielder(n)));
    for (let n = 0; n < SPAWNERS; n++) all.push(spawn(() => spawner(random, n)));
    for (let n = 0; n < SCENARIOS; n++) all.push(spawn(() => this.#scenario(round, n)));
    // Somewhere in the middle of it.
    sleep(random(4));
    collect(round % FULL_COLLECTION_EVERY === 0);
    for (let i = 0; i < RELEASED; i++) this.#release(random(LONG_PARKED), i === 0);
    for (const [i, one] of all.entries()) {
      equal(one.join(), i < YIELDERS ? i : i < YIELDERS + SPAWNERS ? i - YIELDERS : i - YIELDERS - SPAWNERS, 'result');
    }
  }

  /** Ends the coroutines that are still parked. */
  end() {
    for (let i = 0; i < LONG_PARKED; i++) this.#release(i, true, false);
  }

  #scenario(round, n) {
    const name = this.#names[(round + n) % this.#names.length];
    const [actual, expected] = this.#scenarios[name](n);
    equal(actual, expected, name);
    return n;
  }

  #release(which, cancel, replace = true) {
    const { n, tell, coroutine } = this.#long[which];
    if (cancel) {
      coroutine.cancel(n);
      throws(() => coroutine.join(), (error) => error instanceof CancelledError && error.reason === n, 'cancelled after long');
      counts.cancelled++;
    } else {
      tell(n * 2);
      equal(coroutine.join(), n * 3, 'told after long');
    }
    if (replace) this.#long[which] = longParked(n + LONG_PARKED);
  }
}
