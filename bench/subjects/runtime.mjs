// runtime.mjs TIMERS CALLS: timers, deadlines and promises as coroutines use them.
import { spawn, timeout, wait, yieldNow } from 'stackful';

import { native } from '../../dist/internal/native.js';
import { deadlines, perItem, samplesOf } from '../support/deadlines.mjs';

const [pending, calls] = process.argv.slice(2).map(Number);

/**
 * A million limits around one coroutine, which is what a million coroutines with one each are to the timing wheel, without
 * the memory of their stacks: every one is entered and left by the native calls that `timeout` makes.
 */
function timers() {
  const times = deadlines(pending);
  let began = performance.now();
  for (const ms of times) native.timeoutEnter(ms);
  const insert = perItem(began, pending);
  began = performance.now();
  for (let i = 0; i < pending; i++) native.limitLeave();
  return { timer_insert_ns: insert, timer_cancel_ns: perItem(began, pending) };
}

/** What `loop(count)` takes for each of `count`, when it is warm. */
function measured(loop) {
  loop(calls / 10);
  const began = performance.now();
  loop(calls);
  return perItem(began, calls);
}

function deadline() {
  const bare = measured((count) => { for (let i = 0; i < count; i++) yieldNow(); });
  const limited = measured((count) => { for (let i = 0; i < count; i++) timeout(1000, yieldNow); });
  return { timeout_scope_ns: limited - bare };
}

function promises() {
  const one = Promise.resolve(1);
  let sum = 0;
  const resolved = measured((count) => { for (let i = 0; i < count; i++) sum += wait(one); });
  const pendingOne = measured((count) => { for (let i = 0; i < count; i++) sum += wait(Promise.resolve().then(() => 1)); });
  // Used, so that no compiler may drop the loop.
  if (sum < 0) throw new Error('unreachable');
  return { wait_resolved_ns: resolved, wait_pending_ns: pendingOne };
}

const metrics = await spawn(() => ({ ...timers(), ...timers(), ...deadline(), ...promises() }));
console.log(JSON.stringify(samplesOf('stackful', metrics)));
