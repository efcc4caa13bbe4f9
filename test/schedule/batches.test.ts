import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { configure, sleep, spawn, yieldNow } from 'stackful';
import { connect, listen } from 'stackful/net';

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
    const once = async (): Promise<string> => {
      const order: string[] = [];
      await Promise.all([
        spawn(() => { void Promise.resolve().then(() => order.push('micro')); yieldNow(); order.push('first'); }),
        spawn(() => { order.push('second'); yieldNow(); }),
      ]);
      return order.join(' ');
    };
    // A batch ends in the middle where a busy machine has held it up.
    const seen: string[] = [];
    while (seen.length < 100 && seen.at(-1) !== 'second first micro') seen.push(await once());
    expect(seen.at(-1)).toBe('second first micro');
  });
});
