import { describe, expect, it } from 'vitest';

import { sleep } from 'stackful';
import { serve } from 'stackful/http';
import { stopTiming, timedAnswer, timeRequests, timing, type RequestTime } from '../../lib/http/timing.js';
import { BUCKETS, bucketOf, quantile, routeOf, Routes } from '../../lib/inspect/routes.js';

describe('routes', () => {
  it.each([
    ['/', 'GET /'],
    ['/users/17?x=1', 'GET /users/:id'],
    ['/users/17/orders/9/lines', 'GET /users/:id/orders/…'],
    ['/files/0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f', 'GET /files/:id'],
    ['/static/app.js', 'GET /static/app.js'],
  ])('%s is %s', (target, route) => {
    expect(routeOf('GET', target)).toBe(route);
  });

  it('hold times in buckets, from which quantiles come', () => {
    expect([bucketOf(0), bucketOf(1e9)]).toEqual([0, BUCKETS - 1]);
    const routes = new Routes();
    const time = (ms: number, more = {}) => { routes.add({ method: 'GET', target: '/a', ms, failed: false, weight: 1, ...more }); };
    for (let i = 0; i < 98; i++) time(1);
    time(100);
    time(100, { failed: true });
    routes.endTick(2);
    const [a] = routes.times;
    expect(a).toMatchObject({ route: 'GET /a', requests: 100, failures: 1, rate: 50, p50: 1, p95: 1 });
    expect(a!.p99).toBeGreaterThanOrEqual(100);
    expect(a!.p99).toBeLessThan(200);
    expect(quantile([], 0.5)).toBe(0);
  });

  it('do not grow without bounds', () => {
    const routes = new Routes();
    for (let i = 0; i < 1000; i++) routes.add({ method: 'GET', target: `/p${'x'.repeat(i % 7)}-${i}`, ms: 1, failed: false, weight: 1 });
    expect(routes.times).toHaveLength(101);
    expect(routes.times.find(({ route }) => route === 'other')!.requests).toBe(900);
  });
});

describe('the times of requests', () => {
  it('are those of handlers, while a report wants them', async () => {
    const times: RequestTime[] = [];
    const server = serve((request) => {
      if (request.path === '/late') return Promise.resolve('later');
      if (request.path === '/bad') throw new Error('bad');
      sleep(2);
      return 'good';
    }, { host: '127.0.0.1', onError: () => undefined });
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${server.port}${path}`)).text();
    await get('/unseen');
    timeRequests(1, (time) => times.push(time));
    expect(timing).toBe(true);
    expect([await get('/good?x=1'), await get('/late')]).toEqual(['good', 'later']);
    await get('/bad');
    stopTiming();
    await get('/unseen');
    await server.close();
    expect(times).toEqual([
      { method: 'GET', target: '/good?x=1', ms: expect.any(Number), failed: false, weight: 1 },
      { method: 'GET', target: '/late', ms: expect.any(Number), failed: false, weight: 1 },
      { method: 'GET', target: '/bad', ms: expect.any(Number), failed: true, weight: 1 },
    ]);
    expect(times[0]!.ms).toBeGreaterThan(1);
  });

  it('are those of fewer requests when these come faster than the report expected, and each request is counted', () => {
    const times: RequestTime[] = [];
    const answer = () => timedAnswer({ observing: false, handler: () => 'x' } as never, { method: 'GET', target: '/' } as never);
    timeRequests(1, (time) => times.push(time));
    for (let i = 0; i < 20_000; i++) answer();
    const counted = times.reduce((sum, { weight }) => sum + weight, 0);
    expect(times.length).toBeLessThan(2_000);
    // A report that has found a longer way from one to the next goes back at once when fewer come.
    timeRequests(1);
    answer();
    stopTiming();
    expect(times.reduce((sum, { weight }) => sum + weight, 0)).toBe(20_001);
    expect(counted).toBeGreaterThan(10_000);
    // The first ones were timed one by one: a few requests are all seen.
    expect(times.slice(0, 32).map(({ weight }) => weight)).toEqual(Array(32).fill(1));
  });

  it('leave no trace in stacks: those of requests that are timed and of others are the same', () => {
    const stacks = new Set<string>();
    let timed = 0;
    const handler = () => { stacks.add(new Error().stack!.split('\n').slice(2, 4).join('\n')); };
    timeRequests(2, () => timed++);
    for (let i = 0; i < 20; i++) timedAnswer({ observing: false, handler } as never, { method: 'GET', target: '/' } as never);
    stopTiming();
    expect([stacks.size, timed > 0, timed < 20]).toEqual([1, true, true]);
  });
});
