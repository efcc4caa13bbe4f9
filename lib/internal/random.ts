/** The generator's state. Math.random will not do, because a simulation must be able to repeat the sequence. */
let state = 0x9e3779b9;

/** Begins the sequence of `seed`, and returns the state before, for {@link restoreRandom}. */
export function seedRandom(seed: number): number {
  const before = state;
  // Never 0: the generator would only return 0 from then on.
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

/** Makes the choices of {@link chooseBelow} instead of the generator, in some runs of `simulate`. */
let chooser: ((limit: number) => number) | undefined;

export function setChooser(to: typeof chooser): void {
  chooser = to;
}

/** The same, for a choice that decides what a program does: a simulation may want to see what comes of each. */
export function chooseBelow(limit: number): number {
  return chooser ? chooser(limit) : randomBelow(limit);
}
