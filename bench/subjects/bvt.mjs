// bvt.mjs SECONDS: three experiments of "Borrowed-Virtual-Time (BVT) scheduling" (Duda, Cheriton, SOSP 1999), under 'fifo' and
// 'bvt', with time slices of SLICE ms for all. Prints samples.
import { BvtGroup, configure, sleep, spawn } from 'stackful';

const SLICE_MS = 2;
const seconds = Number(process.argv[2]);
const samples = [];
const now = () => performance.now();

/** Never gives way by itself, until `over`. */
const compute = (over) => () => {
  let x = 0;
  while (!over()) for (let i = 1; i < 2_000; i++) x += Math.sqrt(i) % 3;
  return x;
};

/** How far, in slices, each is from its share after `seconds`; the largest. */
async function shares(subject) {
  const weights = [1, 2, 3, 4];
  const groups = weights.map((weight) => new BvtGroup({ weight }));
  const end = now() + seconds * 1000;
  const turns = groups.map(() => 0);
  await Promise.all(groups.map((bvt, i) => spawn(() => {
    for (let last = now(); last < end;) {
      const time = now();
      // What lies between two looks at the clock was this one's, unless another had a slice.
      if (time - last < SLICE_MS / 2) turns[i] += time - last;
      last = time;
    }
  }, { bvt })));
  const all = turns.reduce((sum, ran) => sum + ran);
  const due = weights.map((weight) => (weight / 10) * all);
  const error = Math.max(...turns.map((ran, i) => Math.abs(ran - due[i]))) / SLICE_MS;
  samples.push({ subject, metric: 'share_error_slices', value: error, unit: 'slices' });
}

/** How late one that sleeps wakes beside others that compute, in slices. */
async function latency(subject, bvt, others) {
  let over = false;
  const crowd = Array.from({ length: others }, () => spawn(compute(() => over)));
  const late = await spawn(() => {
    const seen = [];
    for (const end = now() + seconds * 1000; now() < end || seen.length < 5;) {
      const due = now() + 7;
      sleep(7);
      seen.push(now() - due);
    }
    over = true;
    return seen.sort((a, b) => a - b);
  }, bvt && { bvt });
  await Promise.all(crowd);
  const at = { others };
  for (const [p, name] of [[0.5, 'p50'], [0.99, 'p99']]) {
    samples.push({ subject, metric: `wake_${name}_slices`, value: late[Math.floor(p * (late.length - 1))] / SLICE_MS, unit: 'slices', at });
  }
}

/** What one gets that warps and never waits, beside one other, of the time of both. */
async function greedy(subject, bvt) {
  const [warped, other] = [new BvtGroup(bvt), new BvtGroup()];
  const end = now() + seconds * 1000;
  await Promise.all([warped, other].map((group) => spawn(compute(() => now() > end), { bvt: group })));
  samples.push({ subject, metric: 'greedy_share', value: warped.ran / (warped.ran + other.ran), unit: 'of the time' });
}

configure({ timeSlice: SLICE_MS, schedulingPolicy: 'fifo' });
await shares('fifo');
for (const others of [1, 10, 100]) await latency('fifo', undefined, others);
configure({ schedulingPolicy: 'bvt' });
await shares('bvt');
for (const others of [1, 10, 100]) {
  await latency('bvt', {}, others);
  await latency('bvt, warped', { warp: 100 }, others);
}
await greedy('bvt, warped', { warp: 50 });
await greedy('bvt, warp limited', { warp: 1e6, warpLimit: 5, unwarpTime: 100 });
console.log(JSON.stringify(samples));
process.exit(0);
