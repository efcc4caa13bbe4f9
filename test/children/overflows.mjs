// overflows.mjs: stacks that overflow on the way into a limit, or out of it, at each depth that matters. Prints in how many
// limits a coroutine was left at most, for each way into one, and what a signal ends that was listened to meanwhile.
import { setMaxListeners } from 'node:events';
import { scope, shield, sleep, spawn, timeout, withSignal } from 'stackful';
import { native } from '../../dist/internal/native.js';

const controller = new AbortController();
// The listeners that an overflow leaves are what this is about.
setMaxListeners(0, controller.signal);
const ways = {
  timeout: (deeper) => timeout(60_000, deeper),
  withSignal: (deeper) => withSignal(controller.signal, deeper),
  scope: (deeper) => scope(deeper),
  shield: (deeper) => shield(deeper),
};

function overflow(way) {
  let most = 0;
  for (let distance = 0; distance < 300; distance++) {
    const deeper = (left) => (left > 0 ? closer(left) : way(() => deeper(0)));
    const closer = (left) => deeper(left - 1);
    try {
      deeper(distance);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    most = Math.max(most, native.openLimits().length);
  }
  return most;
}

const options = { stackSize: 128 * 1024 };
for (const [name, way] of Object.entries(ways)) console.log(name, await spawn(() => overflow(way), options));
await spawn(() => {
  overflow(ways.withSignal);
  console.log(timeout(60_000, () => { controller.abort(); sleep(1); return 'slept'; }));
}, options);
