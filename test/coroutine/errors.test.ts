import { describe, expect, it } from 'vitest';

import { sleep, spawn, wait } from 'stackful';

describe('outside a coroutine', () => {
  it('the error says whether it is the main stack or a promise callback', async () => {
    const messageOf = (fn: () => unknown) => {
      try { fn(); } catch (error) { return (error as Error).message; }
      return expect.unreachable();
    };
    const main = () => messageOf(() => { sleep(1); });
    await new Promise<void>((resolve) => {
      setImmediate(() => { expect(main()).toMatch(/sleep .*main stack.*spawn/); resolve(); });
    });
    expect(await Promise.resolve().then(main)).toMatch(/sleep .*promise callbacks.*await.*spawn/);
    // An async function that a coroutine calls runs in it up to its first await, and outside from there.
    await spawn(() => {
      const seen: string[] = [];
      wait((async () => {
        sleep(0.1);
        await Promise.resolve();
        seen.push(main());
      })());
      expect(seen[0]).toMatch(/promise callbacks/);
    });
  });
});
