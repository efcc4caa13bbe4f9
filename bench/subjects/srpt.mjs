// srpt.mjs SECONDS: response times of jobs with heavy-tailed sizes, which arrive at random moments, under 'fifo' and 'srpt'. Prints
// samples. Sizes are bounded Pareto (exponent 1.1, 20 us to 20 ms: the largest 1 % have a third of the work); jobs give way every
// 20 us, so that 'fifo' shares the thread equally. The same jobs arrive in each run.
//   fifo            equal shares
//   fifo-whole      jobs that never give way: first come, first served
//   srpt            each job tells its size (expectWork)
//   fifo-kinds      equal shares, of jobs of 20 functions, each of which has a twentieth of the sizes, from the smallest on
//   srpt-guessed    the same jobs, of which the policy knows only what others of that function took
import { configure, expectWork, spawn, stats, yieldNow } from 'stackful';

const seconds = Number(process.argv[2]);
const LEAST_US = 20;
const MOST_US = 20_000;
const EXPONENT = 1.1;
const TURN_US = 20;
const samples = [];
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Splitmix, so that all runs have the same jobs. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

const sizeAt = (u) => LEAST_US * (1 - u * (1 - (LEAST_US / MOST_US) ** EXPONENT)) ** (-1 / EXPONENT);
let x = 0;
const spin = (rounds) => { for (let i = 0; i < rounds; i++) x += i % 7; };

/** How many rounds of `spin` a microsecond has. */
function calibrate() {
  spin(5e7);
  const began = cpu();
  spin(5e7);
  if (x < 0) throw new Error('not reached: what is computed is used');
  return 5e7 / (cpu() - began);
}
const perUs = calibrate();

/** Jobs to come, and those that are under way. */
let jobs = [];
let next = 0;
let active = 0;
let start;

/** The time of arrivals: what the process has computed, so that others on the machine do not count, and the time it has been idle. */
let idle = 0;
const time = () => cpu() + idle;

/** Lets jobs in that are due. */
function admit() {
  const at = time();
  for (; next < jobs.length && jobs[next].at <= at; next++) {
    active++;
    start(jobs[next]);
  }
}

/** A job that gives way. */
function compute(us) {
  for (let left = us; left > 0; left -= TURN_US) {
    spin(Math.min(left, TURN_US) * perUs);
    admit();
    if (left > TURN_US) yieldNow();
  }
}

/** Functions whose places differ: what the policy knows a kind of job by. */
const KINDS = 20;
const JOBS_A_SECOND = 4000;
const kinds = Array.from({ length: KINDS }, (_, i) =>
  new Function('compute', 'job', `return () => { compute(job.us); job.done(); }; // ${i}`));

/** Jobs that arrive at a rate of one in a microsecond, to be slowed down. */
function makeJobs(guessed) {
  const random = generator(7);
  const made = [];
  for (let at = 0; made.length < seconds * JOBS_A_SECOND; made.push({ at, kind: 0, us: 0 })) {
    at += -Math.log(1 - random());
  }
  for (const job of made) {
    const u = random();
    job.kind = Math.floor(u * KINDS);
    // The last kinds hold what lies in the tail.
    job.us = guessed ? sizeAt((job.kind + random()) / KINDS) : sizeAt(u);
  }
  return made;
}

/** What all jobs take, one after the other, in microseconds: the capacity, with all that they cost besides. */
async function capacity(made) {
  jobs = [];
  start = () => undefined;
  const began = cpu();
  await spawn(() => { for (const job of made) spawn(() => { compute(job.us); }).join(); });
  return cpu() - began;
}

async function run(subject, load, policy, { whole = false, tells = false, guessed = false }) {
  const made = makeJobs(guessed);
  const slower = (await capacity(made)) / load / made.at(-1).at;
  for (const job of made) job.at = job.at * slower + 1;
  jobs = made;
  configure({ schedulingPolicy: policy });
  next = active = 0;
  let finished;
  const end = new Promise((resolve) => { finished = resolve; });
  const answer = (job) => {
    job.took = time() - job.at;
    if (--active > 0) return;
    if (next === jobs.length) return finished();
    idle += Math.max(0, jobs[next].at - time()) + 1;
    admit();
  };
  start = (job) => {
    job.done = () => { answer(job); };
    if (guessed) return spawn(kinds[job.kind](compute, job));
    return spawn(() => {
      if (tells) expectWork(job.us / 1000);
      if (whole) {
        spin(job.us * perUs);
        admit();
      } else {
        compute(job.us);
      }
      answer(job);
    });
  };
  idle = 0;
  idle = -time();
  active = 1;
  spawn(() => { answer({ at: 0 }); });
  await end;
  configure({ schedulingPolicy: 'fifo' });
  const bySize = [...jobs].sort((a, b) => a.us - b.us);
  const largest = bySize.slice(Math.floor(0.99 * bySize.length));
  const mean = (list, of) => list.reduce((sum, job) => sum + of(job), 0) / list.length;
  const at = { load };
  samples.push({ subject, metric: 'mean_response_us', value: mean(jobs, (job) => job.took), unit: 'us', at });
  samples.push({ subject, metric: 'mean_slowdown', value: mean(jobs, (job) => job.took / job.us), unit: 'times', at });
  samples.push({ subject, metric: 'largest_slowdown', value: mean(largest, (job) => job.took / job.us), unit: 'times', at });
}

// For the compiler: what is compiled in the middle of a run makes others wait, and with equal shares so many pile up then that their
// stacks leave the caches, and the rest of the run is slow.
for (let round = 0; round < 3; round++) await run('warm-up', 0.3, 'srpt', { tells: true });
samples.length = 0;
for (const load of [0.7, 0.95]) {
  await run('fifo', load, 'fifo', {});
  await run('fifo-whole', load, 'fifo', { whole: true });
  await run('srpt', load, 'srpt', { tells: true });
  await run('fifo-kinds', load, 'fifo', { guessed: true });
  await run('srpt-guessed', load, 'srpt', { guessed: true });
}
if (stats().live > 0) throw new Error(`${stats().live} jobs are left`);
console.log(JSON.stringify(samples));
