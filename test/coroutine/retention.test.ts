/** What the library keeps in memory of coroutines that are over, whose stacks rest until others take them. */
import { describe, expect, it } from 'vitest';

import { sleep, spawn } from 'stackful';
import { gc } from '../support/gc.js';

const COROUTINES = 40;

/** How many of the objects that `make` puts into a list are still there when its coroutines are over. */
async function kept(make: (made: (object: object) => void) => { then: PromiseLike<unknown>['then'] }): Promise<number> {
  const made: WeakRef<object>[] = [];
  const note = (object: object) => { made.push(new WeakRef(object)); };
  const start = () => Array.from({ length: COROUTINES }, () => make(note).then(() => undefined, () => undefined));
  await Promise.all(start());
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => { setTimeout(resolve, 1); });
    gc();
  }
  expect(made.length).toBeGreaterThanOrEqual(COROUTINES);
  return made.filter((one) => one.deref()).length;
}

describe.each([['at once', 0], ['after they have waited', 1]])('coroutines that end %s keep nothing', (_when, waits) => {
  it('of their function, and what it captures', async () => {
    expect(await kept((made) => {
      const captured = { text: 'text' };
      made(captured);
      const run = () => {
        if (waits > 0) sleep(waits);
        return captured.text;
      };
      made(run);
      return spawn(run);
    })).toBe(0);
  });

  it('of their result', async () => {
    expect(await kept((made) => spawn(() => {
      if (waits > 0) sleep(waits);
      const result = {};
      made(result);
      return result;
    }))).toBe(0);
  });

  it('of what they throw', async () => {
    expect(await kept((made) => spawn(() => {
      if (waits > 0) sleep(waits);
      const error = new Error('a mistake');
      made(error);
      throw error;
    }))).toBe(0);
  });
});
