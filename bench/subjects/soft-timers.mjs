// soft-timers.mjs MS LOAD...: how late soft timers are, what one costs, how well pacers keep their rates. LOAD is the command of a
// load generator, to which the number of a port is to be added. Prints samples.
import { spawn as start } from 'node:child_process';
import { Pacer, sleep, softTimer, spawn, yieldNow } from 'stackful';
import { serve } from 'stackful/http';

const ms = Number(process.argv[2]);
const load = process.argv.slice(3);
const samples = [];
const now = () => performance.now();
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];

function add(subject, metric, value, unit, at) {
  samples.push({ subject, metric, value, unit, at });
}

const nothing = () => undefined;

async function lateness(subject) {
  for (const microseconds of [10, 50, 100, 500, 1000]) {
    const late = await spawn(() => {
      const seen = [];
      for (const end = now() + ms; now() < end && seen.length < 20_000;) {
        const due = now() + microseconds / 1000;
        softTimer(microseconds, nothing).join();
        seen.push((now() - due) * 1000);
      }
      return seen.sort((a, b) => a - b);
    });
    for (const [q, name] of [[0.5, 'p50'], [0.9, 'p90'], [0.99, 'p99']]) {
      add(subject, `late_${name}_us`, quantile(late, q), 'us', { microseconds });
    }
  }
}

/** Node's own, whose shortest is a millisecond. */
async function latenessOfNode(subject) {
  const seen = [];
  for (const end = now() + ms; now() < end && seen.length < 20_000;) {
    const due = now() + 1;
    await new Promise((resolve) => { setTimeout(resolve, 1); });
    seen.push((now() - due) * 1000);
  }
  seen.sort((a, b) => a - b);
  for (const [q, name] of [[0.5, 'p50'], [0.9, 'p90'], [0.99, 'p99']]) add(subject, `late_${name}_us`, quantile(seen, q), 'us', { microseconds: 1000 });
}

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/**
 * CPU time that events every 20 us add to the same work, by event: the median of 30 comparisons. `arm(over, count)` makes them come until
 * `over.it`.
 */
async function cost(subject, arm) {
  const over = { it: false };
  const workers = 10;
  let x = 0;
  const units = Math.ceil(ms / 20) * 500;
  const work = () => Promise.all(Array.from({ length: workers }, () => spawn(() => {
    for (let u = 0; u < units / workers; u++) {
      for (let i = 0; i < 1000; i++) x += i % 7;
      yieldNow();
    }
  })));
  if (x < 0) throw new Error('not reached: what is computed is used');
  // Everything is compiled by then.
  for (let i = 0; i < 3; i++) {
    const warm = { it: false };
    arm(warm, { events: 0 });
    await work();
    warm.it = true;
    await spawn(() => { sleep(2); });
  }
  const differences = [];
  for (let part = 0; part < 30; part++) {
    const count = { events: 0 };
    const took = [];
    for (const armed of [false, true]) {
      over.it = !armed;
      if (armed) arm(over, count);
      const began = cpu();
      await work();
      took.push(cpu() - began);
      over.it = true;
      await spawn(() => { sleep(2); });
    }
    differences.push(((took[1] - took[0]) * 1000) / count.events);
  }
  differences.sort((a, b) => a - b);
  add(subject, 'event_cpu_ns', quantile(differences, 0.5), 'ns');
}

async function pacing() {
  for (const rate of [1, 100, 1000, 10_000, 100_000]) {
    const count = Math.max(3, Math.min(50_000, Math.round((rate * ms) / 1000)));
    const [took, gaps] = await spawn(() => {
      const pacer = new Pacer(rate);
      pacer.wait();
      const began = now();
      const gaps = [];
      for (let i = 0, last = began; i < count; i++) {
        pacer.wait();
        const at = now();
        gaps.push(Math.abs(at - last - 1000 / rate) * 1000);
        last = at;
      }
      return [now() - began, gaps.sort((a, b) => a - b)];
    });
    add('pacer', 'rate_kept', (count * 1000) / took / rate, 'of the rate', { rate });
    add('pacer', 'gap_error_p50_us', quantile(gaps, 0.5), 'us', { rate });
    add('pacer', 'gap_error_p99_us', quantile(gaps, 0.99), 'us', { rate });
  }
}

await lateness('idle');
await latenessOfNode('idle-setTimeout');
await cost('sleep', (over, count) => {
  spawn(() => {
    while (!over.it) {
      sleep(0.02);
      count.events++;
    }
  });
});
await cost('softTimer', (over, count) => {
  const again = () => {
    count.events++;
    if (!over.it) softTimer(20, again);
  };
  softTimer(20, again);
});
await pacing();

const server = serve(() => 'Hello, World!\n', { port: 0, host: '127.0.0.1' });
const [program, ...rest] = load;
const words = rest.map((word) => (word === 'PORT' ? String(server.port) : word));
const generator = start(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
await new Promise((resolve) => { generator.stdout.once('data', resolve); });
await lateness('serving');
await latenessOfNode('serving-setTimeout');
generator.kill();
console.log(JSON.stringify(samples));
process.exit();
