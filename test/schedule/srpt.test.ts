import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { configure, expectWork, NotInCoroutineError, simulate, sleep, spawn, yieldNow } from 'stackful';
import { request } from 'stackful/http/client';
import { router, serve } from 'stackful/http';

beforeEach(() => { configure({ schedulingPolicy: 'srpt' }); });
afterEach(() => { configure({ schedulingPolicy: 'fifo', srptPatience: 5000 }); });

const compute = (ms: number) => { for (const end = performance.now() + ms; performance.now() < end;); };

describe("the policy 'srpt'", () => {
  it('runs the one with the least work left, as told', async () => {
    const order: number[] = [];
    await Promise.all([30, 5, 20, 10].map((ms) => spawn(() => {
      expectWork(ms);
      yieldNow();
      order.push(ms);
    })));
    expect(order).toEqual([5, 10, 20, 30]);
  });

  it('learns what functions take, and puts the short ones first', async () => {
    const order: string[] = [];
    const short = () => { compute(0.1); order.push('short'); };
    const long = () => { compute(8); order.push('long'); };
    for (let i = 0; i < 3; i++) await Promise.all([spawn(long), spawn(short)]);
    order.length = 0;
    await Promise.all([spawn(long), spawn(long), spawn(short), spawn(short)]);
    expect(order).toEqual(['short', 'short', 'long', 'long']);
  });

  it('lets none starve, whatever is told', async () => {
    configure({ srptPatience: 20 });
    let over = false;
    const shorts = Array.from({ length: 3 }, () => spawn(() => {
      while (!over) {
        expectWork(0);
        compute(0.05);
        yieldNow();
      }
    }));
    const turns = await spawn(() => {
      let turns = 0;
      for (; turns < 5; turns++) {
        expectWork(1e9);
        yieldNow();
      }
      over = true;
      return turns;
    });
    expect(turns).toBe(5);
    await Promise.all(shorts);
  });

  it('can be exchanged for others while coroutines wait, and back', async () => {
    let over = false;
    let turns = 0;
    const all = Array.from({ length: 20 }, (_, i) => spawn(() => {
      while (!over) {
        expectWork(i);
        turns++;
        if (i % 3 === 0) sleep(0.05);
        else yieldNow();
      }
      return i;
    }));
    for (const schedulingPolicy of ['fifo', 'srpt', 'bvt', 'srpt', 'priority', 'srpt'] as const) {
      const before = turns;
      configure({ schedulingPolicy });
      await spawn(() => { sleep(1); });
      expect(turns).toBeGreaterThan(before);
    }
    over = true;
    expect(await Promise.all(all)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('stands aside in a simulation', async () => {
    await simulate({ seeds: 5 }, () => {
      const all = [1, 2, 3].map((i) => spawn(() => { expectWork(i); sleep(i); return i; }));
      expect(all.map((c) => c.join())).toEqual([1, 2, 3]);
    });
    await spawn(() => { yieldNow(); });
  });

  it('serves requests by route', async () => {
    const routes = router();
    routes.get('/short', () => 'short');
    routes.get('/long/:n', () => { compute(3); return 'long'; });
    const server = serve(routes, { port: 0 });
    const { port } = server.address as { port: number };
    const ask = (path: string) => spawn(() => request(`http://127.0.0.1:${String(port)}${path}`).text());
    for (let i = 0; i < 3; i++) {
      expect(await Promise.all([ask('/long/1'), ask('/short'), ask('/long/2'), ask('/short')])).toEqual(['long', 'short', 'long', 'short']);
    }
    await spawn(() => { server.close(); });
  });

  it('is told by nobody outside of coroutines', () => {
    expect(() => { expectWork(1); }).toThrow(NotInCoroutineError);
    expect(() => { expectWork(-1); }).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    expect(() => { configure({ srptPatience: -1 }); }).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
  });
});
