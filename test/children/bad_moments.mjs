// bad_moments.mjs WHAT: coroutines at moments that are bad for them. Prints the events; the test knows the expected ones.
import { writeSync } from 'node:fs';
import { Worker, isMainThread } from 'node:worker_threads';
import { configure, sleep, spawn, wait, yieldNow } from 'stackful';

const print = (text) => writeSync(1, `${text}\n`);
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Spawns, and prints the outcome. */
function attempt(where) {
  try {
    const child = spawn(() => (print(`${where}: ran`), yieldNow(), 1));
    print(`${where}: ${child.state}`);
  } catch (error) {
    print(`${where}: ${error.code}`);
  }
}

const programs = {
  /** Finalizers run as tasks of their own; coroutines can be started there. */
  async finalizer() {
    let ran = 0;
    const registry = new FinalizationRegistry((n) => spawn(() => (sleep(0), yieldNow(), (ran += n))));
    for (let i = 0; i < 100; i++) registry.register({ i }, 1);
    for (let i = 0; i < 200 && ran < 100; i++) {
      globalThis.gc();
      await later(5);
    }
    print(`ran ${ran}`);
  },
  /** Collected while coroutines run, some are in the middle of a switch, and none returns to the loop for long. */
  async 'finalizer-inside'() {
    let ran = 0;
    let registered = 0;
    const registry = new FinalizationRegistry(() => spawn(() => (yieldNow(), ran++)));
    const all = Array.from({ length: 10 }, (_, n) =>
      spawn(() => {
        for (let i = 0; i < 20; i++) {
          registered++;
          registry.register({ n, i }, 0);
          if (i % 5 === 0) globalThis.gc();
          yieldNow();
        }
      }),
    );
    for (const one of all) await one;
    for (let i = 0; i < 200 && ran < registered; i++) {
      globalThis.gc();
      await later(5);
    }
    print(`ran ${ran === registered}`);
  },
  /** Nothing runs after the listeners: coroutines that they spawn stay ready, as promises stay unsettled. */
  'exit-listener'() {
    process.on('exit', () => attempt('exit'));
    spawn(() => sleep(1));
  },
  'exit-called'() {
    process.on('exit', () => attempt('exit'));
    spawn(() => (sleep(1), process.exit(3)));
  },
  'before-exit'() {
    process.once('beforeExit', () => attempt('beforeExit'));
  },
  /** A process that ends by itself frees its environment, and what is still alive there: finalizers must not run JavaScript. */
  'finalizer-at-exit'() {
    globalThis.kept = Array.from({ length: 100 }, (_, i) => ({ i }));
    const registry = new FinalizationRegistry(() => attempt('finalizer'));
    for (const one of globalThis.kept) registry.register(one, 0);
    process.on('exit', () => {
      globalThis.kept = undefined;
      globalThis.gc();
    });
    spawn(() => wait(new Promise(() => {})));
  },
  /** All of it in workers, which end by themselves, by process.exit, and from outside. */
  async workers() {
    for (const what of ['exit-listener', 'exit-called', 'finalizer-at-exit', 'never', 'never-parks']) {
      const worker = new Worker(new URL(import.meta.url), { argv: [what] });
      const exited = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
      if (what.startsWith('never')) {
        await new Promise((resolve) => worker.once('online', resolve));
        await later(100);
        await worker.terminate();
      }
      print(`${what} ended with ${await exited}`);
    }
  },
  /** A process that is told to end does not wait for coroutines that never end. */
  never() {
    for (let i = 0; i < 10; i++) spawn(() => { for (;;) yieldNow(); });
    for (let i = 0; i < 10; i++) spawn(() => { for (;;) { try { sleep(1); } catch { /* goes on when cancelled, too */ } } });
    if (isMainThread) setTimeout(() => process.exit(4), 20);
  },
  'never-parks'() {
    spawn(() => { for (;;); });
    if (isMainThread) throw new Error('for workers only');
  },
  /** A stack larger than the address space is refused, and running coroutines go on. */
  async absurd() {
    const parked = spawn(() => (sleep(20), 'parked'));
    const errors = new Set();
    for (const stackSize of [0, 1, 2 ** 31, 2 ** 53, -(2 ** 40), 1.5, NaN, '1e6', {}, null]) {
      for (const use of [() => spawn(() => 1, { stackSize }), () => configure({ stackSize })]) {
        try {
          use();
          errors.add(`accepted ${String(stackSize)}`);
        } catch (error) {
          errors.add(error.code);
        }
      }
    }
    print([...errors].sort().join());
    print(await parked);
    print(await spawn(() => 'and others'));
  },
};

await programs[process.argv[2]]();
