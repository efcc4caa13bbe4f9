/** Readers and writers: writers change two numbers that always have to be equal, readers compare them. */

import { sleep } from 'stackful';

const READERS = 3;
const WRITERS = 2;
const PAIR = 0;
const READING = 2;
const MOST_READING = 3;
const WRITING = 4;

/** Returns the pair at the end, and how many differences the readers have seen. */
export function readAndWrite(threads, rounds) {
  const lock = new threads.ReadWriteLock({ name: 'pair' });
  const words = new Int32Array(new SharedArrayBuffer(5 * 4));
  const start = (entry, count) =>
    Array.from({ length: count }, () => threads.create(import.meta.url, { lock, words, rounds }, { entry }));
  const writers = start('writer', WRITERS);
  const readers = start('reader', READERS);
  for (const thread of writers) threads.join(thread);
  const torn = readers.map((thread) => threads.join(thread));
  return { pair: [...words.subarray(PAIR, PAIR + 2)], torn, expected: WRITERS * rounds, mostReading: words[MOST_READING] };
}

export function writer({ lock, words, rounds }) {
  for (let i = 0; i < rounds; i++) {
    lock.writeLock();
    try {
      if (Atomics.add(words, WRITING, 1) !== 0 || Atomics.load(words, READING) !== 0) throw new Error('a writer is not alone');
      words[PAIR]++;
      if (i % 5 === 0) sleep(0.1);
      words[PAIR + 1]++;
      Atomics.sub(words, WRITING, 1);
    } finally {
      lock.unlock();
    }
  }
}

export function reader({ lock, words, rounds }) {
  let torn = 0;
  for (let i = 0; i < rounds; i++) {
    lock.readLock();
    const reading = Atomics.add(words, READING, 1) + 1;
    if (reading > Atomics.load(words, MOST_READING)) Atomics.store(words, MOST_READING, reading);
    if (words[PAIR] !== words[PAIR + 1]) torn++;
    if (i % 3 === 0) sleep(0.1);
    Atomics.sub(words, READING, 1);
    lock.unlock();
  }
  return torn;
}
