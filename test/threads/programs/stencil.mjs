/** Heat in a rod: each thread computes a part of it, and all meet at a barrier after each step. */

const PARTS = 3;

/** The rod after `steps` steps, and how many threads the barrier has told that they are the one. */
export function heat(threads, cells, steps) {
  const rods = [rod(cells), rod(cells)];
  const barrier = new threads.Barrier(PARTS);
  const parts = Array.from({ length: PARTS }, (_, part) => {
    const [from, to] = [part, part + 1].map((n) => 1 + Math.floor(((cells - 2) * n) / PARTS));
    return threads.create(import.meta.url, { rods, barrier, from, to, steps }, { entry: 'compute' });
  });
  const serial = parts.map((thread) => threads.join(thread)).reduce((a, b) => a + b);
  return { rod: [...rods[steps % 2]], serial };
}

/** The same without threads. */
export function sequentialHeat(cells, steps) {
  const rods = [rod(cells), rod(cells)];
  for (let step = 0; step < steps; step++) advance(rods, step, 1, cells - 1);
  return [...rods[steps % 2]];
}

export function compute({ rods, barrier, from, to, steps }) {
  let serial = 0;
  for (let step = 0; step < steps; step++) {
    advance(rods, step, from, to);
    if (barrier.wait()) serial++;
  }
  return serial;
}

function advance(rods, step, from, to) {
  const old = rods[step % 2];
  const next = rods[(step + 1) % 2];
  for (let i = from; i < to; i++) next[i] = (old[i - 1] + 2 * old[i] + old[i + 1]) / 4;
}

/** Hot at one end. */
function rod(cells) {
  const temperatures = new Float64Array(new SharedArrayBuffer(cells * 8));
  temperatures[0] = 100;
  return temperatures;
}
