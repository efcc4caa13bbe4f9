import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { configure, NotInCoroutineError, sleep, spawn, stats, yieldNow } from 'stackful';
import { connect, listen } from 'stackful/net';

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

  it('a smaller batchBudget gives the loop more turns', async () => {
    const turns = async (batchBudget: number) => {
      configure({ batchBudget });
      let done = false;
      let count = 0;
      const again = () => { if (!done) { count++; setImmediate(again); } };
      again();
      const spinners = [1, 2].map(() => spawn(() => { for (let i = 0; i < 200_000; i++) yieldNow(); }));
      await Promise.all(spinners);
      done = true;
      return count;
    };
    try {
      const often = await turns(0);
      const seldom = await turns(1000);
      expect(often).toBeGreaterThan(2 * seldom);
    } finally {
      configure({ batchBudget: 4 });
    }
    for (const bad of [-1, 1001, NaN]) {
      expect(() => { configure({ batchBudget: bad }); }).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    }
  });

  it('a socket that always has something to read does not keep the other coroutines out', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: '127.0.0.1' });
      using client = connect({ port: listener.address.port, host: '127.0.0.1' });
      using served = listener.accept();
      served.write(Buffer.alloc(100_000));
      let reads = 0;
      let readsWhenOtherRan = -1;
      spawn(() => { readsWhenOtherRan = reads; });
      // One byte at a time out of what has arrived: no read has to wait.
      const byte = Buffer.alloc(1);
      while (readsWhenOtherRan < 0 && reads < 10_000) {
        client.readInto(byte);
        reads++;
      }
      expect(readsWhenOtherRan).toBeGreaterThanOrEqual(0);
      expect(reads).toBeLessThanOrEqual(100);
    });
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
