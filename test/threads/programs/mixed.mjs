/** Threads that use everything at once, some of which are cancelled at any moment: nothing may be lost, and none may wait for ever. */

import { shield, sleep } from 'stackful';

const THREADS = 3;
const PERMITS = 2;
const INSIDE = 0;
const WRITTEN = 1;
const TOKENS = 3;
const STOP = 4;

/** Returns what each thread has done, and in what state they have left what they share. */
export function mix(threads, cancellations) {
  const shared = {
    mutex: new threads.Mutex({ type: 'recursive' }),
    lock: new threads.ReadWriteLock(),
    permits: new threads.Semaphore(PERMITS),
    filled: new threads.Condition(),
    began: new threads.Semaphore(),
    words: new Int32Array(new SharedArrayBuffer(5 * 4)),
  };
  shared.words[TOKENS] = 1;
  const start = (seed) => threads.create(import.meta.url, { shared, seed }, { entry: 'work' });
  const working = Array.from({ length: THREADS }, (_, seed) => start(seed));
  for (let i = 0; i < THREADS; i++) shared.began.wait();
  for (let i = 0; i < cancellations; i++) {
    const thread = start(THREADS + i);
    shared.began.wait();
    sleep(2 * i);
    threads.cancel(thread);
    if (threads.join(thread) !== threads.CANCELED) throw new Error('it was not cancelled');
  }
  Atomics.store(shared.words, STOP, 1);
  const done = working.map((thread) => threads.join(thread));
  const { mutex, lock, permits, words } = shared;
  return { done, left: [mutex.tryLock(), lock.tryWriteLock(), permits.value, words[INSIDE], words[WRITTEN + 1] - words[WRITTEN], words[TOKENS]] };
}

export function work({ shared, seed }) {
  shared.began.post();
  let random = seed + 1;
  while (Atomics.load(shared.words, STOP) === 0) {
    random = (random * 48271) % 2147483647;
    WAYS[random % WAYS.length](shared, random % 5 === 0);
  }
  return 'went on to the end';
}

const WAYS = [
  ({ mutex, words }, pauses) => {
    mutex.withLock(() => {
      mutex.withLock(() => {
        if (++words[INSIDE] !== 1) throw new Error('two threads have the mutex');
        try {
          if (pauses) sleep(0.1);
        } finally {
          words[INSIDE]--;
        }
      });
    });
  },
  ({ mutex }) => {
    if (mutex.timedLock(0.2)) mutex.unlock();
  },
  ({ lock, words }, pauses) => {
    lock.writeLock();
    try {
      words[WRITTEN]++;
      if (pauses) sleep(0.1);
    } finally {
      words[WRITTEN + 1]++;
      lock.unlock();
    }
  },
  ({ lock, words }) => {
    if (!lock.timedReadLock(1)) return;
    try {
      if (words[WRITTEN] !== words[WRITTEN + 1]) throw new Error('a reader sees half a change');
      sleep(0.05);
    } finally {
      lock.unlock();
    }
  },
  ({ permits }) => {
    permits.wait();
    try {
      sleep(0.05);
    } finally {
      permits.post();
    }
  },
  ({ mutex, filled, words }) => {
    mutex.withLock(() => {
      while (words[TOKENS] === 0) filled.wait(mutex);
      words[TOKENS]--;
    });
    try {
      sleep(0.05);
    } finally {
      shield(() => mutex.withLock(() => {
        words[TOKENS]++;
        filled.signal();
      }));
    }
  },
];
