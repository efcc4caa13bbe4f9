/** Start functions of threads that tests make over both. */

import { sleep, wait } from 'stackful';
import { create, detach, exit, join, Key, over, self, testCancel } from 'stackful/threads';

export default (n) => n + 1;

export const echo = (value) => value;

export function renamesItself() {
  const { name } = self();
  self().name = 'renamed';
  return name;
}

export function fails() {
  throw Object.assign(new TypeError('it failed'), { code: 'EFAIL' });
}

export function exitsDeep(value) {
  [1].forEach(() => { exit(value); });
}

/** Of this thread, and of one that it makes. */
export function kindOfThreads() {
  const threads = over();
  const inner = threads.create(import.meta.url, undefined, { entry: 'kindHere' });
  return [threads.kind, threads.join(inner)];
}

export const kindHere = () => over().kind;

export function sleepsLong({ cleaned, began } = {}) {
  try {
    began?.post();
    sleep(60_000);
  } finally {
    cleaned?.post();
  }
}

export function computesLong({ began }) {
  began.post();
  for (;;) testCancel();
}

export function waitsFor({ mutex, condition, began }) {
  mutex.lock();
  try {
    began.post();
    for (;;) condition.wait(mutex);
  } finally {
    mutex.unlock();
  }
}

export function locksAndReturns({ mutex }) {
  mutex.lock();
}

export function locksAndLeaves({ mutex }) {
  mutex.lock();
  process.exit(4);
}

export function locks({ mutex, began }) {
  began.post();
  mutex.lock();
  mutex.unlock();
}

export function callsOnce({ once, calls }) {
  once.call(() => { Atomics.add(calls, 0, 1); });
}

export const describesPassed = ({ thread, again, mutex }) => ({ same: thread === again, id: thread.id, name: thread.name, type: mutex.type });

export const cancels = ({ thread }) => { over().cancel(thread); };

export const joins = ({ thread }) => { over().join(thread); };

export function waitsToWriteAndLeaves({ lock, began }) {
  setTimeout(() => process.exit(0), 10);
  began.post();
  lock.writeLock();
}

export function failsAside() {
  setTimeout(() => { throw new Error('aside'); }, 1);
  sleep(60_000);
}

export const waitsForEver = () => { wait(new Promise(() => undefined)); };

export function addsWithHelpers({ mutex, sum }) {
  const helpers = [1, 2, 3].map(() => create(() => {
    for (let i = 0; i < 20; i++) {
      mutex.withLock(() => {
        const before = sum[0];
        if (i % 10 === 0) sleep(0.1);
        sum[0] = before + 1;
      });
    }
  }));
  for (const helper of helpers) join(helper);
}

export const returnsFunction = () => () => 1;

export function failsLater() {
  setTimeout(() => { throw new Error('late'); }, 20);
}

export function endsLater() {
  sleep(20);
  console.log('the detached thread has ended');
}

export const detachesItself = () => { detach(self()); };

const counted = new Key((cell) => { Atomics.add(cell, 0, 1); });

/** Sets a key whose destructor counts in `cell`, in this thread and in one that it makes over coroutines. */
export function setsKey({ cell }) {
  const before = counted.get();
  counted.set(cell);
  return [before, join(create(() => { counted.set(cell); return counted.get() === cell; }))];
}

/** What the calls return or throw, one after the other. */
export const tries = ({ object, calls }) => calls.map(([name, ...args]) => {
  try {
    return object[name](...args);
  } catch (error) {
    return error.code;
  }
});

export function doubles({ channel }) {
  for (const n of [1, 2]) channel.send(2 * n);
  return { channel };
}
