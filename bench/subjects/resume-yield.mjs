// What stands behind every park: one coroutine is resumed and parks again. Two that give way to each other do nothing
// else, so a pair of their yields is one resume and one park, with the JavaScript around them.
import { spawn, yieldNow } from 'stackful';

/** Nanoseconds for one resume and one park of a coroutine, over `times` of them. */
export async function resumeYield(times) {
  const giveWay = () => {
    for (let i = 0; i < times; i++) yieldNow();
  };
  const began = performance.now();
  await Promise.all([spawn(giveWay), spawn(giveWay)]);
  return ((performance.now() - began) * 1e6) / times;
}
