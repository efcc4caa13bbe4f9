import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, sleep, spawn, stats, yieldNow } from 'stackful';

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

describe('beside the host program', () => {
  it('coroutines that never stop yielding leave room for timers, immediates, promises and ticks', async () => {
    let stop = false;
    const spinners = [1, 2, 3].map(() => spawn(() => { while (!stop) yieldNow(); }));
    await delay(5);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => { process.nextTick(resolve); });
    stop = true;
    await Promise.all(spinners);
  });

  it('a host that is always busy leaves room for coroutines', async () => {
    let stop = false;
    const again = () => { if (!stop) setImmediate(again); };
    again();
    await spawn(() => { for (let i = 0; i < 50; i++) { sleep(0.2); yieldNow(); } });
    stop = true;
  });

  it('microtasks of coroutines run when the batch is back on the main stack', async () => {
    const order: string[] = [];
    await Promise.all([
      spawn(() => { void Promise.resolve().then(() => order.push('micro')); yieldNow(); order.push('first'); }),
      spawn(() => { order.push('second'); yieldNow(); }),
    ]);
    expect(order).toEqual(['second', 'first', 'micro']);
  });
});

describe('stats', () => {
  it('counts', async () => {
    const before = stats();
    await spawn(() => { for (let i = 0; i < 10; i++) sleep(0); });
    const after = stats();
    expect(after.spawned - before.spawned).toBe(1);
    expect(after.finished - before.finished).toBe(1);
    expect(after.parks - before.parks).toBeGreaterThanOrEqual(10);
    expect(after.switches).toBeGreaterThan(before.switches);
  });
});
