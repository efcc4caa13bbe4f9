// watching.mjs CASE: dumps and reports of threads that are too busy to answer.
import { execFileSync } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { configure, sleep, spawn, stats, wait, yieldNow } from 'stackful';

import { native } from '../../dist/internal/native.js';

const [name, ...rest] = process.argv.slice(2);
/** The longest wait, in milliseconds, for a loaded machine. */
const PATIENCE = 10_000;
const within = (ms, condition) => {
  const end = performance.now() + ms;
  return () => performance.now() < end && condition();
};
const until = (ms) => within(ms, () => true);
function hog(more) {
  while (more());
}
function parked() {
  sleep(1e6);
}
let written = 0;
let said = '';
const { writeToStderr } = native;
native.writeToStderr = (text) => {
  writeToStderr(text);
  said += text;
  written++;
};
/** Until diagnostics have said something for the nth time. */
const unheard = (n = 1) => within(PATIENCE, () => written < n);
/** The signal arrives while the code below is busy: a worker thread sends it. */
const signalSoon = (times = 1) =>
  new Worker(`for (let i = 0; i < ${times}; i++) setTimeout(() => process.kill(process.pid, 'SIGUSR2'), 60 + 60 * i)`, { eval: true });
/** A little later, so that a second report shows. */
const finish = () => setTimeout(() => process.exit(0), 50);
/** Calls `then` on the main stack. */
function onceParked(coroutine, then) {
  const look = setInterval(() => {
    if (coroutine.state !== 'parked') return;
    clearInterval(look);
    then();
  }, 5);
}

const cases = {
  mainBusy() {
    configure({ dumpSignal: 'SIGUSR2' });
    onceParked(spawn(parked, { name: 'sleeper' }), () => { signalSoon(); (function onMain() { hog(unheard()); })(); finish(); });
  },
  coroutineBusy() {
    configure({ dumpSignal: 'SIGUSR2', spawnSites: true });
    spawn(parked, { name: 'sleeper' });
    signalSoon();
    spawn(function greedy() { sleep(5); hog(unheard()); finish(); }, { name: 'hog' });
  },
  idle() {
    configure({ dumpSignal: 'SIGUSR2' });
    spawn(parked, { name: 'sleeper' });
    signalSoon();
    setInterval(() => { if (!unheard()()) finish(); }, 10);
  },
  // Node's own listener for the same signal, installed before and after.
  listeners() {
    let heard = 0;
    process.on('SIGUSR2', () => {
      console.log('heard');
      if (++heard === 2) finish();
    });
    configure({ dumpSignal: 'SIGUSR2' });
    process.kill(process.pid, 'SIGUSR2');
    const timer = setInterval(() => {
      if (written === 0 || heard === 0) return;
      clearInterval(timer);
      setTimeout(() => {}, PATIENCE);
      configure({ dumpSignal: false });
      process.kill(process.pid, 'SIGUSR2');
    }, 10);
  },
  // Deep in the stack, where the text cannot be made any more: it comes later.
  deep() {
    configure({ dumpSignal: 'SIGUSR2' });
    spawn(parked, { name: 'sleeper' });
    signalSoon();
    const more = unheard();
    const deeper = () => { try { deeper(); } catch { /* at the limit */ } };
    spawn(() => { while (more()) deeper(); finish(); });
  },
  // Every few lines a dump, in the middle of everything that can be interrupted.
  storm() {
    configure({ dumpSignal: 'SIGUSR2' });
    signalSoon(20);
    const more = unheard(8);
    for (let i = 0; i < 5; i++) {
      spawn(() => {
        while (more()) {
          JSON.stringify({ toJSON: () => (yieldNow(), [1, 2].map((x) => x + wait(Promise.resolve(1)))) });
          'abcabc'.replace(/(a+)+b/g, () => (sleep(0.1), 'x'));
          [3, 1, 2].sort((a, b) => (hog(until(0.2)), a - b));
        }
      });
    }
    setInterval(() => { if (!more()) process.exit(0); }, 20);
  },
  async worker() {
    // Asked for here, and answered by every thread.
    configure({ dumpSignal: 'SIGUSR2' });
    if (isMainThread) {
      const worker = new Worker(new URL(import.meta.url), { argv: ['worker'] });
      spawn(parked, { name: 'in main' });
      await new Promise((resolve) => worker.on('message', resolve));
      signalSoon();
      await new Promise((resolve) => worker.on('exit', resolve));
      setInterval(() => { if (!unheard()()) process.exit(0); }, 10);
    } else {
      onceParked(spawn(parked, { name: 'in worker' }), () => {
        parentPort.postMessage('ready');
        setTimeout(() => { hog(unheard()); process.exit(0); }, 20);
      });
    }
  },

  hold() {
    const limit = 40;
    let events = 0;
    diagnostics.subscribe('stackful.hold', ({ ms }) => { if (ms >= limit) events++; });
    configure({ watchdog: { limit } });
    const silentAbout = (what) => within(PATIENCE, () => !said.includes(what));
    spawn(function greedy() { hog(silentAbout('at greedy')); hog(until(100)); }, { name: 'hog' }).then(tire);
    // A turn that a busy machine has delayed has been reported already.
    function tire() {
      const before = written;
      if (sleepless(() => written === before)) setTimeout(end, 20);
      else setTimeout(tire, 1);
    }
    function sleepless(unreported) {
      hog(within(1000, unreported));
      hog(until(100));
      return said.includes('at sleepless');
    }
    function end() {
      // An event comes at the end of what was reported.
      if (events !== written) return setTimeout(end, 20);
      if (stats().holds === events) console.log('as many events as reports');
      process.exit(0);
    }
  },
  // A coroutine that computes for ever: only the watchdog's report is printed.
  forever() {
    configure({ watchdog: { limit: 40 } });
    spawn(function stuck() { for (;;) if (!unheard()()) process.kill(process.pid, 'SIGKILL'); });
  },
  callback() {
    configure({ watchdog: { limit: 40, report: ({ coroutine, stack }) => {
      // A busy machine has held the main stack.
      if (!coroutine) return;
      console.log(coroutine.name, /greedy/.test(stack));
      try { sleep(1); } catch (error) { console.log(error.code); }
      throw new Error('in the report');
    } } });
    spawn(function greedy() { hog(unheard()); console.log('unharmed'); }, { name: 'hog' });
  },
  // The loops are optimised by then. Nothing in them says that the variable, or the array's elements, could change.
  changes() {
    let list, stop;
    configure({ watchdog: { limit: 60, report: ({ stack }) => {
      if (!/at spin/.test(stack)) return;
      stop = true;
      list.length = 0;
      list.push('changed');
    } } });
    function spin() {
      list = [1, 2, 3];
      stop = false;
      let sum = 0;
      for (let i = 0; !stop; i = (i + 1) % 3) sum += list[i];
      return sum > 0 ? list[0] : 'nothing';
    }
    spawn(() => spin()).then((seen) => {
      console.log('in a coroutine:', seen);
      setTimeout(() => { console.log('on the main stack:', spin()); process.exit(0); }, 20);
    });
  },
  // One long system call: seen when it is over.
  native() {
    configure({ watchdog: { limit: 40 } });
    spawn(function runs() { execFileSync('sleep', ['0.2']); hog(unheard()); }, { name: 'runner' });
  },
  // Busy all the time, but no coroutine for long; then idle; then off. The limit is what a loaded machine may take away.
  fair() {
    configure({ watchdog: { limit: 800 } });
    const more = until(1200);
    for (let i = 0; i < 3; i++) spawn(() => { while (more()) { hog(until(2)); yieldNow(); } });
    const turn = () => { hog(until(2)); if (more()) setImmediate(turn); };
    turn();
    setTimeout(() => { configure({ watchdog: { limit: 20 } }); configure({ watchdog: false }); hog(until(200)); }, 2200);
  },
  // A worker that is held for ever, watched, can be terminated, many times over.
  async terminate() {
    if (!isMainThread) {
      configure({ watchdog: { limit: 1 + Number(rest[0]), report: () => {} }, dumpSignal: 'SIGUSR2' });
      parentPort.postMessage('running');
      spawn(() => { for (;;) hog(until(1)); });
      return;
    }
    process.on('SIGUSR2', () => {});
    for (let i = 0; i < 12; i++) {
      const worker = new Worker(new URL(import.meta.url), { argv: ['terminate', i] , stdout: true, stderr: true });
      await new Promise((resolve) => worker.on('message', resolve));
      await new Promise((resolve) => setTimeout(resolve, 2 * i));
      await worker.terminate();
    }
    console.log('ok');
  },
};
await cases[name]();
