// watching.mjs CASE: threads that are too busy to be asked, and are looked at all the same.
import { execFileSync } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import { isMainThread, Worker } from 'node:worker_threads';
import { configure, sleep, spawn, stats, wait, yieldNow } from 'stackful';

const [name, ...rest] = process.argv.slice(2);
const until = (ms) => {
  const end = performance.now() + ms;
  return () => performance.now() < end;
};
function hog(ms) {
  const more = until(ms);
  while (more());
}
function parked() {
  sleep(1e6);
}
/** The signal arrives while the code below is busy: who sends it does not share its fate. */
const signalSoon = (times = 1) =>
  new Worker(`for (let i = 0; i < ${times}; i++) setTimeout(() => process.kill(process.pid, 'SIGUSR2'), 60 + 60 * i)`, { eval: true });
const finish = () => setTimeout(() => process.exit(0), 50);

const cases = {
  mainBusy() {
    configure({ dumpSignal: 'SIGUSR2' });
    spawn(parked, { name: 'sleeper' });
    setTimeout(() => { signalSoon(); (function onMain() { hog(300); })(); finish(); }, 10);
  },
  coroutineBusy() {
    configure({ dumpSignal: 'SIGUSR2', spawnSites: true });
    spawn(parked, { name: 'sleeper' });
    signalSoon();
    spawn(function greedy() { sleep(5); hog(300); finish(); }, { name: 'hog' });
  },
  idle() {
    configure({ dumpSignal: 'SIGUSR2' });
    spawn(parked, { name: 'sleeper' });
    signalSoon();
    setTimeout(() => process.exit(0), 250);
  },
  // Node's own listener for the same signal, installed before and after.
  listeners() {
    process.on('SIGUSR2', () => console.log('heard'));
    configure({ dumpSignal: 'SIGUSR2' });
    process.kill(process.pid, 'SIGUSR2');
    setTimeout(() => {
      configure({ dumpSignal: false });
      process.kill(process.pid, 'SIGUSR2');
      setTimeout(() => process.exit(0), 50);
    }, 50);
  },
  // Deep in the stack, where the text cannot be made any more: it comes later.
  deep() {
    configure({ dumpSignal: 'SIGUSR2' });
    spawn(parked, { name: 'sleeper' });
    signalSoon();
    const more = until(300);
    const deeper = () => { try { deeper(); } catch { /* at the limit */ } };
    spawn(() => { while (more()) deeper(); finish(); });
  },
  // Every few lines a dump, in the middle of everything that can be interrupted.
  storm() {
    configure({ dumpSignal: 'SIGUSR2' });
    signalSoon(20);
    const more = until(1500);
    for (let i = 0; i < 5; i++) {
      spawn(() => {
        while (more()) {
          JSON.stringify({ toJSON: () => (yieldNow(), [1, 2].map((x) => x + wait(Promise.resolve(1)))) });
          'abcabc'.replace(/(a+)+b/g, () => (sleep(0.1), 'x'));
          [3, 1, 2].sort((a, b) => (hog(0.2), a - b));
        }
      });
    }
    setTimeout(() => process.exit(0), 1600);
  },
  worker() {
    // Asked for here, and answered by every thread.
    configure({ dumpSignal: 'SIGUSR2' });
    if (isMainThread) {
      new Worker(new URL(import.meta.url), { argv: ['worker'] });
      spawn(parked, { name: 'in main' });
      setTimeout(() => process.kill(process.pid, 'SIGUSR2'), 500);
      setTimeout(() => process.exit(0), 900);
    } else {
      spawn(parked, { name: 'in worker' });
      setTimeout(() => hog(600), 100);
    }
  },

  hold() {
    const limit = 40;
    diagnostics.subscribe('stackful.hold', ({ coroutine, ms }) => console.log(`${coroutine?.name} ${ms >= limit}`));
    configure({ watchdog: { limit } });
    spawn(function greedy() { hog(200); }, { name: 'hog' }).then(() => {
      sleepless();
      setTimeout(() => { console.log(stats().holds); process.exit(0); }, 100);
    });
    function sleepless() { hog(200); }
  },
  // For ever, in a coroutine: only the watchdog's word comes out.
  forever() {
    configure({ watchdog: { limit: 40 } });
    signalSoon();
    process.on('SIGUSR2', () => {});
    spawn(function stuck() { for (;;); });
    new Worker(`setTimeout(() => process.kill(process.pid, 'SIGKILL'), 400)`, { eval: true });
  },
  callback() {
    configure({ watchdog: { limit: 40, report: ({ coroutine, stack }) => {
      console.log(coroutine.name, /greedy/.test(stack));
      try { sleep(1); } catch (error) { console.log(error.code); }
      throw new Error('in the report');
    } } });
    spawn(function greedy() { hog(150); console.log('unharmed'); }, { name: 'hog' });
  },
  // One long system call: seen when it is over.
  native() {
    configure({ watchdog: { limit: 40 } });
    spawn(function runs() { execFileSync('sleep', ['0.2']); hog(5); }, { name: 'runner' });
  },
  // Busy all the time, but nobody for long; then idle; then off.
  fair() {
    configure({ watchdog: { limit: 60 } });
    const more = until(300);
    for (let i = 0; i < 3; i++) spawn(() => { while (more()) { hog(2); yieldNow(); } });
    const turn = () => { hog(2); if (more()) setImmediate(turn); };
    turn();
    setTimeout(() => { configure({ watchdog: false }); hog(200); }, 600);
  },
  // A worker that is held for ever, watched, can be terminated, many times over.
  async terminate() {
    if (!isMainThread) {
      configure({ watchdog: { limit: 1 + Number(rest[0]), report: () => {} }, dumpSignal: 'SIGUSR2' });
      spawn(() => { for (;;) hog(1); });
      return;
    }
    process.on('SIGUSR2', () => {});
    for (let i = 0; i < 12; i++) {
      const worker = new Worker(new URL(import.meta.url), { argv: ['terminate', i] , stdout: true, stderr: true });
      await new Promise((resolve) => worker.on('online', resolve));
      await new Promise((resolve) => setTimeout(resolve, 60 + 7 * i));
      await worker.terminate();
    }
    console.log('ok');
  },
};
await cases[name]();
