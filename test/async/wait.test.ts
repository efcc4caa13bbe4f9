import { describe, expect, it } from 'vitest';

import { Event, NotInCoroutineError, shield, sleep, spawn, timeout, TimeoutError, wait } from 'stackful';

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

  it('hands the value of a promise that it gave up to `abandoned`, and nothing else', async () => {
    const given: unknown[] = [];
    const abandoned = (value: unknown) => { given.push(value); };
    const soon = (value: unknown) => new Promise((resolve) => setTimeout(resolve, 1, value));
    // On any machine they settle after they have been given up.
    const settlers: (() => void)[] = [];
    const later = (settle: (resolve: (value: unknown) => void, reject: (error: Error) => void) => void) =>
      new Promise((resolve, reject) => { settlers.push(() => { settle(resolve, reject); }); });
    await spawn(() => {
      expect(wait(soon('kept'), { abandoned })).toBe('kept');
      expect(() => timeout(1, () => wait(later((resolve) => { resolve('timed out'); }), { abandoned }))).toThrow(TimeoutError);
      expect(() => wait(soon('aborted before'), { abandoned, signal: AbortSignal.abort(new Error('no')) })).toThrow('no');
      const controller = new AbortController();
      setImmediate(() => { controller.abort(new Error('stop')); });
      expect(() => wait(later((resolve) => { resolve('aborted'); }), { abandoned, signal: controller.signal })).toThrow('stop');
      const ended = new Event();
      expect(() => timeout(1, () => wait(spawn(() => (shield(() => { ended.wait(); }), 'coroutine')), { abandoned }))).toThrow(TimeoutError);
      ended.set();
      // A late failure is dropped: it neither reaches `abandoned` nor is an unhandled rejection.
      expect(() => timeout(1, () => wait(later((_, reject) => { reject(new Error('late')); }), { abandoned }))).toThrow(TimeoutError);
      for (const settle of settlers) settle();
    });
    const cancelled = spawn(() => {
      try {
        sleep(1e6);
      } finally {
        wait(Promise.resolve('cancelled before'), { abandoned });
      }
    });
    await spawn(() => { sleep(0); });
    cancelled.cancel();
    await expect(cancelled).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    while (given.length < 5) await soon(undefined);
    await soon(undefined);
    expect(given.sort()).toEqual(['aborted', 'aborted before', 'cancelled before', 'coroutine', 'timed out']);
    await expect(spawn(() => wait(soon(1), { abandoned: 5 as never }))).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });

  it('refuses what is no promise', async () => {
    for (const value of [5, null, undefined, 'text', {}]) {
      await expect(spawn(() => wait(value as never))).rejects.toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    }
  });

  it('outside a coroutine says what to do', () => {
    expect(() => wait(Promise.resolve())).toThrow(NotInCoroutineError);
    expect(() => wait(Promise.resolve())).toThrow(/spawn/);
  });
});

describe('wait for what is there already', () => {
  it('lets others run all the same', async () => {
    let done = false;
    let turns = 0;
    const busy = spawn(() => { const one = Promise.resolve(1); while (!done) turns += wait(one); });
    await spawn(() => { sleep(0.1); sleep(0.1); done = true; });
    await busy;
    expect(turns).toBeGreaterThan(0);
    // Host timers as well.
    done = false;
    const again = spawn(() => { while (!done) wait(Promise.resolve()); });
    await new Promise((resolve) => setTimeout(resolve, 5));
    done = true;
    await again;
  });
});
