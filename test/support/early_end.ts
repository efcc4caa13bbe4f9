import { expect } from 'vitest';

import { CancelledError, spawn, timeout, TimeoutError } from 'stackful';

const AFTER_MS = 30;

/** Runs `work` in a coroutine and ends it early; it must fail with that. */
export type EndEarly = (work: () => unknown) => Promise<void>;

/** For `it.each`: why a call ends early, and what does so. */
export const EARLY_ENDS: readonly [why: string, endEarly: EndEarly][] = [
  ['its time is up', async (work) => {
    await expect(spawn(() => timeout(AFTER_MS, work)).promise).rejects.toBeInstanceOf(TimeoutError);
  }],
  ['it is cancelled', async (work) => {
    const running = spawn(work);
    setTimeout(() => { running.cancel(); }, AFTER_MS);
    await expect(running.promise).rejects.toBeInstanceOf(CancelledError);
  }],
];
