// The common part of torture programs with random numbers: the same numbers in every run, and counted checks.
export let checks = 0;
export let seed = 0;

export function startFrom(number) {
  seed = number;
}

export function random(n) {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return (seed >> 8) % n;
}

export function equal(actual, expected, what) {
  checks++;
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} instead of ${String(expected)}`);
}
