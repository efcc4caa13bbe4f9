/** In simulated time, which makes the times exact. */
import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, Pacer, simulate, sleep, spawn, timeout, TimeoutError } from 'stackful';

/** When each of `count` events went, in milliseconds since the first; `between(i)` is run before event `i`. */
async function times(pacer: () => Pacer, count: number, between?: (i: number) => void): Promise<number[]> {
  let went: number[] = [];
  await simulate((simulated) => {
    went = [];
    const paced = pacer();
    for (let i = 0; i < count; i++) {
      between?.(i);
      paced.wait();
      went.push(simulated.now());
    }
  });
  return went.map((at) => Math.round((at - went[0]!) * 1e4) / 1e4);
}

describe('a Pacer', () => {
  it('spaces events at its rate, the first at once', async () => {
    expect(await times(() => new Pacer(1000), 5)).toEqual([0, 1, 2, 3, 4]);
    expect(await times(() => new Pacer(100_000), 4)).toEqual([0, 0.01, 0.02, 0.03]);
    expect(await times(() => new Pacer(0.5), 3)).toEqual([0, 2000, 4000]);
  });

  it('catches up at its highest rate', async () => {
    // The caller takes 3.5 ms before the third.
    const late = (i: number) => { if (i === 2) sleep(3.5); };
    expect(await times(() => new Pacer(1000, { maxRate: 4000 }), 8, late)).toEqual([0, 1, 4.5, 4.75, 5, 5.25, 6, 7]);
    expect(await times(() => new Pacer(1000, { maxRate: 1000 }), 5, late)).toEqual([0, 1, 4.5, 5.5, 6.5]);
  });

  it('gives up what is more than a burst behind', async () => {
    const away = (i: number) => { if (i === 2) sleep(1000); };
    const went = await times(() => new Pacer(1000, { maxRate: 10_000, burst: 3 }), 9, away);
    expect(went.slice(2).map((at) => Math.round((at - went[2]!) * 1e4) / 1e4)).toEqual([0, 0.1, 0.2, 0.3, 1, 2, 3]);
    const none = await times(() => new Pacer(1000, { burst: 0 }), 5, away);
    expect(none.slice(2).map((at) => Math.round((at - none[2]!) * 1e4) / 1e4)).toEqual([0, 1, 2]);
  });

  it('is shared by coroutines', async () => {
    let went: number[] = [];
    await simulate({ seeds: 50 }, (simulated) => {
      went = [];
      const pacer = new Pacer(1000);
      const all = Array.from({ length: 5 }, () => spawn(() => {
        for (let i = 0; i < 4; i++) {
          pacer.wait();
          went.push(simulated.now());
        }
      }));
      for (const c of all) c.join();
      expect(went.map((at) => Math.round(at * 1e6) / 1e6)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    });
  });

  it('ends early with a time limit or a signal, and goes on', async () => {
    await simulate(() => {
      const pacer = new Pacer(1);
      pacer.wait();
      expect(() => { timeout(10, () => { pacer.wait(); }); }).toThrow(TimeoutError);
      expect(() => { pacer.wait({ signal: AbortSignal.abort(new Error('no more')) }); }).toThrow('no more');
      pacer.wait();
    });
  });

  it('checks its arguments', () => {
    for (const bad of [0, -1, 1e7, NaN]) {
      expect(() => new Pacer(bad)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    }
    expect(() => new Pacer(10, { maxRate: 5 })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    expect(() => new Pacer(10, { burst: 1.5 })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    expect(() => new Pacer(10, { most: 1 } as never)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
    expect(() => { new Pacer(10).wait(); }).toThrow(NotInCoroutineError);
  });
});
