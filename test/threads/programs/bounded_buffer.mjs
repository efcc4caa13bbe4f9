/** Producers and consumers over a ring of four places, with a mutex and two conditions. */

const PLACES = 4;
const PRODUCERS = 2;
const CONSUMERS = 3;
const FIRST = 0;
const FILLED = 1;
const RING = 2;
const END = -1;

/** Returns all that the consumers have got, sorted. */
export function produceAndConsume(threads, items) {
  const buffer = {
    mutex: new threads.Mutex({ name: 'buffer' }),
    notFull: new threads.Condition(),
    notEmpty: new threads.Condition(),
    words: new Int32Array(new SharedArrayBuffer((RING + PLACES) * 4)),
  };
  const consumers = Array.from({ length: CONSUMERS }, () => threads.create(import.meta.url, buffer, { entry: 'consumer' }));
  const producers = Array.from({ length: PRODUCERS }, (_, n) =>
    threads.create(import.meta.url, { buffer, first: n * items, items }, { entry: 'producer' }));
  for (const thread of producers) threads.join(thread);
  for (let i = 0; i < CONSUMERS; i++) put(buffer, END);
  return consumers.flatMap((thread) => threads.join(thread)).sort((a, b) => a - b);
}

export function producer({ buffer, first, items }) {
  for (let i = 0; i < items; i++) put(buffer, first + i);
}

export function consumer(buffer) {
  const got = [];
  for (let item = take(buffer); item !== END; item = take(buffer)) got.push(item);
  return got;
}

function put({ mutex, notFull, notEmpty, words }, item) {
  mutex.withLock(() => {
    while (words[FILLED] === PLACES) notFull.wait(mutex);
    words[RING + ((words[FIRST] + words[FILLED]++) % PLACES)] = item;
    notEmpty.signal();
  });
}

function take({ mutex, notFull, notEmpty, words }) {
  return mutex.withLock(() => {
    while (words[FILLED] === 0) notEmpty.wait(mutex);
    const item = words[RING + words[FIRST]];
    words[FIRST] = (words[FIRST] + 1) % PLACES;
    words[FILLED]--;
    notFull.signal();
    return item;
  });
}
