import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, sleep, spawn, yieldNow } from 'stackful';

describe('sleep', () => {
  it('wakes in the order of the deadlines', async () => {
    const order: number[] = [];
    await Promise.all([30, 10, 20, 0.5].map((ms) => spawn(() => { sleep(ms); order.push(ms); })));
    expect(order).toEqual([0.5, 10, 20, 30]);
  });

  it('never wakes early', async () => {
    await spawn(() => {
      for (const ms of [0, 0.1, 0.7, 3, 11]) {
        const began = performance.now();
        sleep(ms);
        expect(performance.now() - began).toBeGreaterThanOrEqual(ms - 0.001);
      }
    });
  });

  it('refuses what is no time, and the main stack', async () => {
    await spawn(() => {
      for (const bad of [-1, NaN, Infinity]) {
        expect(() => { sleep(bad); }).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
      }
      expect(() => { sleep('1' as never); }).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    });
    expect(() => { sleep(1); }).toThrow(NotInCoroutineError);
    expect(() => { yieldNow(); }).toThrow(expect.objectContaining({ code: 'ERR_NOT_IN_COROUTINE' }));
  });
});
