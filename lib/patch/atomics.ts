import { MessagePort, Worker } from 'node:worker_threads';

import { wait } from '../async/wait.js';
import { keepingAlive, waitAsync, type Outcome, type SharedArray } from '../async/wait_async.js';
import type { Coroutine } from '../coroutine/coroutine.js';
import { current } from '../internal/current.js';
import { ParkKind } from '../internal/kinds.js';
import { parkShown } from '../internal/park_details.js';
import { WaitQueue } from '../internal/parking.js';
import { isCalledByNode } from './nodes_own.js';
import { ORIGINAL, type Target } from './replacement.js';

/**
 * Code that calls a worker as a function (synckit and the like) posts a message, waits by `Atomics.wait`, and takes the answer, and is
 * written for a thread on which nothing runs meanwhile: with two calls under way, one would take the other's answer. So a coroutine
 * that posts to a worker or a port waits while another one, which has posted to it last, waits by `Atomics.wait`.
 */
const calls = new Map<object, WaitQueue>();
/** What a coroutine has posted to last. */
const postedTo = new WeakMap<Coroutine, object>();

function parkWaiting(args: unknown[]): unknown {
  if (isCalledByNode()) return ORIGINAL;
  const [array, index, value, ms] = args as [SharedArray, number, number | bigint, number | undefined];
  // Arguments that it does not take it words as `wait` does but for the name; that one throws, too.
  let begun: ReturnType<typeof waitAsync>;
  try {
    begun = waitAsync(array, index, value, ms);
  } catch {
    return ORIGINAL;
  }
  if (!begun.async) return begun.value;
  const called = postedTo.get(current()!);
  // A later wait is about something else.
  postedTo.delete(current()!);
  const queue = called && !calls.has(called) ? new WaitQueue() : undefined;
  if (called && queue) calls.set(called, queue);
  const { value: notified } = begun;
  try {
    // A notification that came for a wait which has been ended is for the next one.
    const abandoned = (outcome: Outcome) => { if (outcome === 'ok') Atomics.notify(array as Int32Array, index, 1); };
    return keepingAlive(() => wait(notified, { abandoned }));
  } finally {
    if (called && queue) {
      calls.delete(called);
      queue.wakeAll();
    }
  }
}

function parkPosting(_args: unknown[], receiver: unknown): unknown {
  const port = receiver as object;
  for (let queue = calls.get(port); queue; queue = calls.get(port)) parkShown(queue, ParkKind.other, 'postMessage');
  postedTo.set(current()!, port);
  return ORIGINAL;
}

/** What `patch` replaces of Atomics, and of workers for the sake of it. */
export function atomicsTargets(): Target[] {
  return [
    { name: 'Atomics.wait', holder: Atomics, key: 'wait', park: parkWaiting },
    { name: 'Worker.prototype.postMessage', holder: Worker.prototype, key: 'postMessage', park: parkPosting },
    { name: 'MessagePort.prototype.postMessage', holder: MessagePort.prototype, key: 'postMessage', park: parkPosting },
  ] satisfies Target[];
}

