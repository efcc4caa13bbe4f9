// A scheduling policy of the application's own: of the downloads that can go on, the one with the least left goes first.
// That makes small ones fast and hardly slows down large ones. (Shortest remaining processing time, L. Schrage, 1968.)
//
//     node examples/shortest_first.mjs
import { configure, current, spawn, yieldNow } from 'stackful';

/** Runs the coroutine that has the least left to do. */
class ShortestRemainingFirst {
  #remaining = new WeakMap();
  /** Ready coroutines, kept as a binary heap: the one with the least left is in front. */
  #heap = [];

  /** A coroutine calls it about itself. One that has not called it goes first. */
  setRemaining(amount) {
    this.#remaining.set(current(), amount);
  }

  ready(coroutine) {
    const heap = this.#heap;
    const entry = { coroutine, left: this.#remaining.get(coroutine) ?? 0 };
    let at = heap.push(entry) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && heap[parent].left > entry.left; parent = (at - 1) >> 1) {
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
  }

  next() {
    const heap = this.#heap;
    const { coroutine } = heap[0];
    const last = heap.pop();
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && heap[child + 1].left < heap[child].left) child++;
      if (last.left <= heap[child].left) break;
      heap[at] = heap[child];
      at = child;
    }
    if (heap.length > 0) heap[at] = last;
    return coroutine;
  }
}

const policy = new ShortestRemainingFirst();
configure({ schedulingPolicy: policy });

const sizes = { film: 9, song: 4, picture: 2, page: 1 };
const downloads = Object.entries(sizes).map(([name, size]) =>
  spawn(() => {
    for (let left = size; left > 0; left--) {
      policy.setRemaining(left);
      yieldNow(); // here a server would send a piece
    }
    console.log(`${name} (${size}) is complete`);
  }),
);
await Promise.all(downloads);
