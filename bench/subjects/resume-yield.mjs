// What stands behind every park: one coroutine is resumed and parks again. Two that give way to each other do nothing
// else, so a pair of their yields is one resume and one park, with the JavaScript around them.
import { spawn, yieldNow } from 'stackful';

const giveWay = (times) => {
  for (let i = 0; i < times; i++) yieldNow();
};
/** The same by other code: what a resume returns to is not what the last park was called from, which the processor predicts. */
const giveWayElsewhere = (times) => {
  for (let i = times; i > 0; i--) yieldNow();
};

/** Nanoseconds for one resume and one park of a coroutine, over `times` of them, in one loop of JavaScript or in two. */
export async function resumeYield(times, { loops = 1 } = {}) {
  const other = loops === 1 ? giveWay : giveWayElsewhere;
  const began = performance.now();
  await Promise.all([spawn(() => giveWay(times)), spawn(() => other(times))]);
  return ((performance.now() - began) * 1e6) / times;
}
