/** Chooses among equals. Not Math.random: a simulation has to be able to repeat the choice. */
let state = 0x9e3779b9;

/** Begins the sequence that belongs to `seed`, and returns what {@link restoreRandom} goes back with. */
export function seedRandom(seed: number): number {
  const before = state;
  // Never 0, where the generator would stay.
  state = (Math.imul(seed ^ (seed >>> 16), 0x45d9f3b) ^ 0x9e3779b9) | 1;
  return before;
}

export function restoreRandom(before: number): void {
  state = before;
}

/** A whole number from 0 to `limit` - 1. Marsaglia's 32-bit xorshift ("Xorshift RNGs", 2003). */
export function randomBelow(limit: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}
