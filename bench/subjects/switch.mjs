// switch.mjs TIMES YIELDS SUBJECTS: what it costs to give way and come back, all in this one process.

const [times, yields] = process.argv.slice(2, 4).map(Number);
const subjects = process.argv[4].split(',');
const populations = [10, 1000, 10000];
const samples = [];

function record(subject, metric, value, coroutines) {
  const at = coroutines === undefined ? undefined : { coroutines };
  samples.push({ subject, metric, value, unit: 'ns', at });
}

/** Nanoseconds per item since `began`. */
function perItem(began, items) {
  return ((performance.now() - began) * 1e6) / items;
}

/**
 * `start(body)` runs `population` bodies that give way in turn. The clock starts when the last of them has
 * started and stops when the last has finished, so creating them is not counted.
 */
async function roundRobin(population, start) {
  const each = Math.floor(yields / population);
  let started = 0;
  let began;
  const onStart = () => {
    if (++started === population) began = performance.now();
  };
  const running = [];
  for (let i = 0; i < population; i++) running.push(start(each, onStart));
  await Promise.all(running);
  return perItem(began, each * population);
}

const runners = {
  async stackful() {
    const { spawn, yieldNow } = await import('stackful');
    const { resumeYield } = await import('./resume-yield.mjs');
    // More than once: the first loop is optimised before it is known what it calls, and in Node 20 it stays so (75 ns).
    for (let i = 0; i < 3; i++) await resumeYield(times / 30);
    record('stackful', 'resume_yield_ns', await resumeYield(times));

    const nothing = () => {};
    const spawnFinish = (count) =>
      spawn(() => {
        const began = performance.now();
        for (let i = 0; i < count; i++) spawn(nothing).join();
        return perItem(began, count);
      });
    await spawnFinish(times / 100);
    record('stackful', 'spawn_finish_ns', await spawnFinish(times / 10));

    const start = (each, onStart) =>
      spawn(() => {
        onStart();
        // All start before the first one counts, whether spawn runs its function at once or later.
        yieldNow();
        for (let n = 0; n < each; n++) yieldNow();
      });
    for (const population of populations) {
      record('stackful', 'yield_round_robin_ns', await roundRobin(population, start), population);
    }
  },

  async await() {
    const nothing = async () => {};
    const loop = async (count) => {
      const began = performance.now();
      for (let i = 0; i < count; i++) await nothing();
      return perItem(began, count);
    };
    await loop(times / 10);
    record('await', 'resume_yield_ns', await loop(times));

    const start = async (each, onStart) => {
      onStart();
      await undefined;
      for (let n = 0; n < each; n++) await undefined;
    };
    for (const population of populations) {
      record('await', 'yield_round_robin_ns', await roundRobin(population, start), population);
    }
  },

  async generator() {
    const counter = (function* () {
      for (let i = 0; ; i = (i + 1) & 0xff) yield i;
    })();
    const loop = (count) => {
      let sum = 0;
      const began = performance.now();
      for (let i = 0; i < count; i++) sum += counter.next().value;
      const result = perItem(began, count);
      // Used, so that no compiler may drop the loop.
      if (sum < 0) throw new Error('unreachable');
      return result;
    };
    loop(times / 10);
    record('generator', 'resume_yield_ns', loop(times));
  },
};

for (const subject of subjects) await runners[subject]();
console.log(JSON.stringify(samples));
