import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, sleep, spawn, wait } from 'stackful';

describe('wait', () => {
  it('returns the value and throws the reason', async () => {
    await spawn(() => {
      expect(wait(Promise.resolve(1))).toBe(1);
      expect(wait(new Promise((resolve) => setTimeout(resolve, 2, 'later')))).toBe('later');
      expect(() => wait(Promise.reject(new TypeError('no')))).toThrow(TypeError);
    });
  });

  it('takes any thenable, even one that answers at once', async () => {
    const thenable = { then: (resolve: (n: number) => void) => { resolve(3); } } as PromiseLike<number>;
    expect(await spawn(() => wait(thenable))).toBe(3);
  });

  it('takes coroutines', async () => {
    expect(await spawn(() => wait(spawn(() => (sleep(1), 4))))).toBe(4);
  });

  it('ends with its signal', async () => {
    await spawn(() => {
      const controller = new AbortController();
      setTimeout(() => { controller.abort(new Error('enough')); }, 2);
      expect(() => wait(new Promise(() => undefined), { signal: controller.signal })).toThrow('enough');
      expect(() => wait(Promise.resolve(1), { signal: controller.signal })).toThrow('enough');
      // A promise that settles after its wait was given up must not end a later park.
      const late = new AbortController();
      setImmediate(() => { late.abort(new Error('late')); });
      let resolve!: () => void;
      const promise = new Promise<void>((r) => { resolve = r; });
      expect(() => { wait(promise, { signal: late.signal }); }).toThrow('late');
      setTimeout(resolve, 1);
      const began = performance.now();
      sleep(8);
      expect(performance.now() - began).toBeGreaterThanOrEqual(7.9);
    });
  });

  it('outside a coroutine says what to do', () => {
    expect(() => wait(Promise.resolve())).toThrow(NotInCoroutineError);
    expect(() => wait(Promise.resolve())).toThrow(/spawn/);
  });
});
