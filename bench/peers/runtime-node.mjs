// runtime-node.mjs TIMERS CALLS: the same with setTimeout, AbortSignal and await.
import { deadlines, perItem, samplesOf } from '../support/deadlines.mjs';

const [pending, calls] = process.argv.slice(2).map(Number);

function timers() {
  const times = deadlines(pending);
  const handles = new Array(pending);
  const nothing = () => {};
  let began = performance.now();
  for (let i = 0; i < pending; i++) handles[i] = setTimeout(nothing, times[i]);
  const insert = perItem(began, pending);
  began = performance.now();
  for (let i = pending - 1; i >= 0; i--) clearTimeout(handles[i]);
  return { timer_insert_ns: insert, timer_cancel_ns: perItem(began, pending) };
}

async function measured(loop) {
  await loop(calls / 10);
  const began = performance.now();
  await loop(calls);
  return perItem(began, calls);
}

async function deadline() {
  const bare = await measured(async (count) => { for (let i = 0; i < count; i++) await undefined; });
  // As a library that honours a signal does it: look, listen, wait, stop listening.
  const limitedCall = async (signal) => {
    signal.throwIfAborted();
    const onAbort = () => {};
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await undefined;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  };
  const some = calls / 10;
  const run = async (count) => { for (let i = 0; i < count; i++) await limitedCall(AbortSignal.timeout(1000)); };
  await run(some / 10);
  const began = performance.now();
  await run(some);
  return { timeout_scope_ns: perItem(began, some) - bare };
}

async function promises() {
  const one = Promise.resolve(1);
  let sum = 0;
  const resolved = await measured(async (count) => { for (let i = 0; i < count; i++) sum += await one; });
  const later = await measured(async (count) => {
    for (let i = 0; i < count; i++) sum += await Promise.resolve().then(() => 1);
  });
  if (sum < 0) throw new Error('unreachable');
  return { wait_resolved_ns: resolved, wait_pending_ns: later };
}

timers();
const metrics = { ...timers(), ...(await deadline()), ...(await promises()) };
console.log(JSON.stringify(samplesOf('node', metrics)));
process.exit();
