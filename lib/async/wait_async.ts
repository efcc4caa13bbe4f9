export type SharedArray = Int32Array | BigInt64Array;
export type Outcome = 'ok' | 'not-equal' | 'timed-out';
type Begun = { async: false; value: Outcome } | { async: true; value: Promise<Outcome> };

/** `Atomics.waitAsync`, which the types of ES2023 lack and every supported Node has. */
export const { waitAsync } = Atomics as unknown as {
  waitAsync: (this: void, array: SharedArray, index: number, value: number | bigint, ms?: number) => Begun;
};

/** V8 takes no longer ones. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Runs `fn`, which waits for a notification of another thread. Its promise does not keep the process alive; this does. */
export function keepingAlive<R>(fn: () => R): R {
  const alive = setInterval(() => undefined, LONGEST_TIMER_MS);
  try {
    return fn();
  } finally {
    clearInterval(alive);
  }
}
