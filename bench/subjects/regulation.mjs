// regulation.mjs SECONDS: what a background that computes costs requests of the same process, by whether it regulates itself; and how
// much of an idle machine it uses. Prints samples.
import { configure, reportProgress, sleep, spawn, yieldNow } from 'stackful';

const seconds = Number(process.argv[2]);
const now = () => performance.now();
const compute = (ms) => { for (const end = now() + ms; now() < end;); };
configure({ timeSlice: 5 });

/** Indexes, a millisecond at a time, until `over`; returns how often. */
const background = (over, importance) => spawn(() => {
  let done = 0;
  for (; !over(); done++) {
    compute(1);
    reportProgress();
    yieldNow();
  }
  return done;
}, { importance });

/** Requests that take 2 ms each, one after the other, for some time; the mean of what they take, in milliseconds. */
function requests(ms) {
  const end = now() + ms;
  let count = 0;
  const began = now();
  for (; now() < end; count++) {
    compute(1);
    sleep(0);
    compute(1);
    yieldNow();
  }
  return (now() - began) / count;
}

const samples = [];
async function foreground(subject, importance) {
  let over = false;
  const work = importance && background(() => over, importance);
  // Long enough to learn what is usual.
  if (work) await spawn(() => { sleep(1000); });
  const took = await spawn(() => requests(seconds * 1000));
  over = true;
  await work;
  samples.push({ subject, metric: 'request_ms', value: took, unit: 'ms' });
  return took;
}

async function alone(importance) {
  const end = now() + seconds * 1000;
  return background(() => now() > end, importance);
}

const without = await foreground('no background');
for (const [subject, importance] of [['unregulated', 'normal'], ['regulated', 'low']]) {
  samples.push({ subject, metric: 'slowdown', value: (await foreground(subject, importance)) / without, unit: 'x' });
}
samples.push({ subject: 'regulated', metric: 'use_of_idle', value: (await alone('low')) / (await alone('normal')), unit: 'x' });
console.log(JSON.stringify(samples));
process.exit(0);
