// What the JavaScript subjects of the threads bench share: the requests, and the window in which reads are counted.

/** How much one request reads. The file is a multiple of it. */
export const READ_BYTES = 8192;

/**
 * Where they are read to: at the beginning of a page, as in Go. The kernel copies to what begins inside a cache line 15 %
 * slower, and where a Buffer of this size begins is up to malloc: runs of one program fell into two groups.
 */
export const pageAlignedBuffer = () => Buffer.from(new WebAssembly.Memory({ initial: 1 }).buffer, 0, READ_BYTES);

/** From the first read to the window: compiling and first-time page faults do not count. */
const WARM_UP_MS = 300;
/** Reads between looks at the clock. */
const STEP = 256;

/** The requests that are under way: `count` of them, each for another part of the file; first in, first out. */
export class RequestQueue {
  #items;
  #head = 0;
  #tail;

  /** As many places as requests, so that a request that has been taken can always be put back. */
  constructor(count, fileBytes, make = (offset) => ({ offset })) {
    this.#items = Array.from({ length: count }, (_, i) => make((i * READ_BYTES) % fileBytes));
    this.#tail = 0;
  }

  take() {
    const item = this.#items[this.#head];
    this.#head = this.#head + 1 === this.#items.length ? 0 : this.#head + 1;
    return item;
  }

  put(item) {
    this.#items[this.#tail] = item;
    this.#tail = this.#tail + 1 === this.#items.length ? 0 : this.#tail + 1;
  }
}

/** Counts reads for `seconds`, once the warm-up is over and there have been as many reads as there are requests. */
export class Window {
  over = false;
  #seconds;
  #reads = 0;
  #next = 1;
  #first = 0;
  #least;
  #warmUpMs;
  #began = 0;
  #ended = 0;

  constructor(seconds, requests, warmUpMs = WARM_UP_MS) {
    this.#seconds = seconds;
    this.#least = requests;
    this.#warmUpMs = warmUpMs;
  }

  /** One that is over after the fewest reads it can count. */
  static shortest() {
    return new Window(0, 1, 0);
  }

  /** After every read. */
  count() {
    if (++this.#reads >= this.#next) this.#look();
  }

  readsPerSecond() {
    return this.#reads / ((this.#ended - this.#began) / 1000);
  }

  #look() {
    const now = performance.now();
    this.#next = this.#reads + STEP;
    if (this.over) return;
    if (this.#began === 0) {
      if (this.#first === 0) this.#first = now;
      if (now - this.#first < this.#warmUpMs || this.#reads < this.#least) return;
      this.#began = now;
      this.#reads = 0;
      this.#next = STEP;
    } else if (now - this.#began >= this.#seconds * 1000) {
      this.#ended = now;
      this.over = true;
    }
  }
}

/** One measurement on stdout, as support/samples.ts has it. */
export function report(subject, threads, window) {
  const value = window.readsPerSecond();
  console.log(JSON.stringify({ subject, metric: 'reads_per_s', value, unit: '1/s', at: { threads } }));
}
