import { describe, expect, it } from 'vitest';

import { root } from '../../lib/internal/root.js';
import { BlockingMap, type Point } from '../../lib/inspect/points.js';

const stackOf = (...frames: string[]) =>
  [`${root}internal/parking.js:9:3`, ...frames].map((frame) => `    at ${frame}`).join('\n');
const lock = (caller = 'checkout (file:///app/shop.js:20:5)') => stackOf('lock (file:///app/locks.js:7:1)', caller);
const presence = (parked: number, more = {}) => ({ parked, oldest: 5, depth: 4096, deadlocked: 0, ...more });
const sample = (from: Point, to: Point, more = {}) => ({ from, to, waited: 4, ran: 0.5, depth: 2048, weight: 1, ...more });

describe('the blocking graph', () => {
  it('has one point for all coroutines that come to one place by the same calls', () => {
    const map = new BlockingMap();
    const point = map.pointOf('mutex.lock', lock())!;
    expect(map.pointOf('mutex.lock', lock())).toBe(point);
    expect(map.pointOf('sleep', lock())).not.toBe(point);
    map.setPresent(new Map([[point, presence(60)]]));
    expect(map.view().points).toEqual([{
      id: point.id, kind: 'mutex.lock', name: 'lock', place: 'locks.js:7', via: '', parked: 60, oldest: 5, deadlocked: 0, rate: 0, wait: 0, depth: 4096,
    }]);
  });

  it('tells the callers of a helper apart, until there are many', () => {
    const map = new BlockingMap();
    const callers = (count: number) => Array.from({ length: count }, (_, i) => map.pointOf('mutex.lock', lock(`caller${i} (file:///app/shop.js:${i + 1}:5)`))!);
    const show = (points: Point[]) => {
      map.setPresent(new Map(points.map((point) => [point, presence(2)])));
      return map.view().points;
    };
    const few = show(callers(3));
    expect(few.map(({ via, parked }) => [via, parked])).toEqual([['caller0 shop.js:1', 2], ['caller1 shop.js:2', 2], ['caller2 shop.js:3', 2]]);
    const many = show(callers(9));
    expect(many).toHaveLength(1);
    expect(many[0]).toMatchObject({ via: '', parked: 18 });
    expect(map.sharing(many[0]!.id).size).toBe(9);
  });

  it('counts the deadlocked by point', () => {
    const map = new BlockingMap();
    const stuck = map.pointOf('mutex.lock', lock('one (file:///app/a.js:1:1)'))!;
    const waiting = map.pointOf('mutex.lock', lock('two (file:///app/a.js:2:1)'))!;
    map.setPresent(new Map([[stuck, presence(2, { deadlocked: 2 })], [waiting, presence(60)]]));
    expect(map.view().points.map(({ parked, deadlocked }) => [parked, deadlocked])).toEqual([[2, 2], [60, 0]]);
  });

  it('has rates, times and waits of the paths between points', () => {
    const map = new BlockingMap();
    const read = map.pointOf('socket.read', stackOf('serve (file:///app/a.js:1:1)'))!;
    const sleep = map.pointOf('sleep', stackOf('serve (file:///app/a.js:2:1)'))!;
    for (let i = 0; i < 10; i++) {
      map.addSample(sample(read, sleep, { weight: 100, ran: 0.2, waited: 3 }));
      map.addSample(sample(sleep, read, { weight: 100, ran: 0.4, waited: 8 }));
    }
    map.addSample(sample(map.start, read, { weight: 5 }));
    map.endTick(2);
    const { points, paths } = map.view();
    const between = (from: Point, to: Point) => paths.find((path) => path.from === from.id && path.to === to.id);
    expect(between(read, sleep)).toEqual({ from: read.id, to: sleep.id, rate: 500, run: expect.closeTo(0.2), wait: expect.closeTo(3) });
    expect(between(sleep, read)).toMatchObject({ rate: 500, run: expect.closeTo(0.4) });
    expect(between(map.start, read)).toMatchObject({ rate: 2.5 });
    expect(points.find(({ id }) => id === read.id)).toMatchObject({ rate: 500, wait: expect.closeTo(3), depth: 2048 });
    expect(points.find(({ kind }) => kind === 'start')).toMatchObject({ rate: 0 });
  });

  it('follows what happens, and forgets what no longer does', () => {
    const map = new BlockingMap();
    const point = map.pointOf('sleep', stackOf('tick (file:///app/a.js:1:1)'))!;
    const tick = (count: number) => {
      for (let i = 0; i < count; i++) map.addSample(sample(point, point));
      map.endTick(1);
    };
    tick(10);
    expect(map.view().paths[0]!.rate).toBeCloseTo(10);
    for (let i = 0; i < 20; i++) tick(50);
    expect(map.view().paths[0]!.rate).toBeGreaterThan(45);
    for (let i = 0; i < 100; i++) tick(0);
    expect(map.view()).toEqual({ points: [], paths: [] });
    expect(map.pointOf('sleep', stackOf('tick (file:///app/a.js:1:1)'))).not.toBe(point);
  });

  it('names what the library waits for by itself, and leaves the inspector out', () => {
    const map = new BlockingMap();
    expect(map.pointOf('socket.read', stackOf(`answerAll (${root}http/connection.js:1:1)`))).toMatchObject({ name: 'internal/parking' });
    expect(map.pointOf('socket.read', `    at answerAll (${root}http/connection.js:1:1)`)).toMatchObject({ name: 'next request', place: '' });
    expect(map.pointOf('sleep', stackOf(`events (${root}inspect/viewers.js:1:1)`))).toBeUndefined();
  });
});
