import { afterEach, describe, expect, it } from 'vitest';

import { Channel, Mutex, sleep, spawn, timeout, yieldNow, type Coroutine } from 'stackful';
import { blockingGraph, recordBlocking, type BlockingGraph } from 'stackful/inspect';
import { native } from '../../lib/internal/native.js';

const started: Coroutine[] = [];
afterEach(async () => {
  for (const c of started) c.cancel();
  await Promise.allSettled(started.splice(0));
});

/** Looks once in a while until what it sees is as it should be. */
async function until(good: (graph: BlockingGraph) => boolean): Promise<BlockingGraph> {
  let graph = blockingGraph();
  await spawn(() => {
    timeout(60_000, () => {
      while (!good(graph)) {
        sleep(100);
        graph = blockingGraph();
      }
    });
  });
  return graph;
}

describe('blockingGraph', () => {
  it('shows where coroutines are parked, without a recording', async () => {
    const mutex = new Mutex({ name: 'stock' });
    started.push(spawn(function holdStock() { mutex.withLock(() => { sleep(1e6); }); }));
    for (let i = 0; i < 60; i++) started.push(spawn(function takeStock() { mutex.lock(); }));
    await spawn(() => { sleep(1); });
    const { points, paths } = blockingGraph();
    expect(points.find(({ name }) => name === 'takeStock')).toMatchObject({ kind: 'mutex.lock', parked: 60, deadlocked: 0, rate: 0, place: expect.stringMatching(/^recording\.test\.ts:\d+$/) });
    expect(points.filter(({ kind }) => kind === 'mutex.lock')).toHaveLength(1);
    expect(paths).toEqual([]);
  });

  it('estimates how many are where when there are thousands', async () => {
    for (let i = 0; i < 3000; i++) started.push(spawn(function many() { sleep(1e6); }));
    const channel = new Channel();
    started.push(spawn(function few() { channel.receive(); }));
    await spawn(() => { sleep(1); });
    const { points } = blockingGraph();
    expect(points.find(({ name }) => name === 'many')!.parked).toBe(3000);
    expect(points.find(({ name }) => name === 'few')!.parked).toBe(1);
  });

  it('marks only those that are in a deadlock', async () => {
    const [a, b, stock] = [new Mutex(), new Mutex(), new Mutex()];
    const both = (first: Mutex, second: Mutex) => function lockBoth() {
      first.withLock(() => {
        yieldNow();
        second.lock();
      });
    };
    const log = console.error;
    console.error = () => undefined;
    started.push(spawn(both(a, b)), spawn(both(b, a)), spawn(() => { stock.withLock(() => { sleep(1e6); }); }));
    for (let i = 0; i < 5; i++) started.push(spawn(function waits() { stock.lock(); }));
    await spawn(() => { sleep(1); });
    console.error = log;
    const { points, deadlocks } = blockingGraph();
    expect(deadlocks).toHaveLength(1);
    expect(points.find(({ name }) => name === 'waits')).toMatchObject({ parked: 5, deadlocked: 0 });
    expect(points.reduce((sum, { deadlocked }) => sum + deadlocked, 0)).toBe(2);
  });
});

describe('a recording', () => {
  it('has the rates of points and the paths between them', async () => {
    const recording = recordBlocking();
    started.push(spawn(function loop() {
      for (;;) {
        sleep(0.5);
        sleep(1);
      }
    }));
    const sleeping = ({ points }: BlockingGraph) => points.filter(({ name, kind }) => name === 'loop' && kind === 'sleep');
    const goes = ({ paths }: BlockingGraph, from?: number, to?: number) => paths.some((path) => path.from === from && path.to === to && path.rate > 10);
    const graph = await until((seen) => {
      const [first, second] = sleeping(seen).map(({ id }) => id);
      return goes(seen, first, second) && goes(seen, second, first);
    });
    recording.stop();
    const sleeps = sleeping(graph);
    expect(sleeps).toHaveLength(2);
    for (const point of sleeps) {
      expect(point.rate).toBeGreaterThan(0);
      expect(point.wait).toBeGreaterThan(0.4);
      expect(point.depth).toBeGreaterThan(1000);
    }
  });

  it('sees coroutines begin and end', async () => {
    const recording = recordBlocking();
    started.push(spawn(function spawns() {
      for (;;) spawn(function child() { sleep(0.2); }).join();
    }));
    const of = ({ points }: BlockingGraph, kind: string) => points.find((point) => point.kind === kind)?.id;
    const graph = await until((seen) => {
      const child = seen.points.find(({ name }) => name === 'child')?.id;
      const goes = (from?: number, to?: number) => seen.paths.some((path) => path.from === from && path.to === to);
      return child !== undefined && goes(of(seen, 'start'), child) && goes(child, of(seen, 'end'));
    });
    recording.stop();
    expect(graph.points.find(({ name }) => name === 'child')).toMatchObject({ kind: 'sleep' });
  });

  it('samples fewer parks when these come fast, and every park stands for as many', async () => {
    const recording = recordBlocking();
    blockingGraph();
    const before = native.stats().parks!;
    started.push(spawn(function ping() { const c = new Channel<number>(); spawn(function pong() { for (;;) c.receive(); }); for (;;) c.send(1); }));
    const graph = await until(({ points }) => points.some(({ name, rate }) => name === 'ping' && rate > 100));
    expect(native.stats().parks! - before).toBeGreaterThan(100);
    recording.stop();
    expect(graph.paths.length).toBeGreaterThan(0);
  });

  it('ends with the last of those that began it', () => {
    const [one, two] = [recordBlocking(), recordBlocking()];
    one.stop();
    one.stop();
    const samples = () => native.takeParkSamples().length;
    expect(samples()).toBe(0);
    two[Symbol.dispose]();
    expect(blockingGraph().paths).toEqual([]);
  });
});

describe('all parks', () => {
  it('are recorded with their times, up to a number', async () => {
    native.recordParks(5);
    const c = spawn(() => { for (let i = 0; i < 9; i++) sleep(1); });
    await c;
    const records = native.recordedParks();
    native.recordParks(0);
    expect(records.length).toBe(5 * 7);
    const [slot, , kind, fd, , parked, resumed] = records;
    expect([native.parkKindName(kind!), fd, slot! >= 0]).toEqual(['sleep', -1, true]);
    expect(resumed! - parked!).toBeGreaterThan(0.9);
    expect(native.recordedParks().length).toBe(0);
  });
});
