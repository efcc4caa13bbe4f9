import { afterEach, describe, expect, it } from 'vitest';

import {
  BvtGroup, configure, expectWork, reportProgress, runQueue, simulate, sleep, spawn, yieldNow,
  type Coroutine, type PolicyName, type Priority, type SchedulingPolicy,
} from 'stackful';

import { gc } from '../support/gc.js';
import { connect, listen } from 'stackful/net';

afterEach(() => { configure({ schedulingPolicy: 'fifo' }); });

/** Runs `look` in a coroutine while those that `make` has spawned are ready; returns what it returned. */
async function among<T>(make: () => Coroutine<unknown>[], look: () => T): Promise<T> {
  let all: Coroutine<unknown>[] = [];
  // It has ended before they run, so that it takes no turns in between.
  const seen = await spawn(() => {
    all = make();
    return look();
  });
  await Promise.all(all);
  return seen;
}

const names = (of: { coroutine: Coroutine }[]) => of.map(({ coroutine }) => coroutine.name);

let seed = 7;
const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;

describe('runQueue', () => {
  const LEVELS: Priority[] = ['highest', 'high', 'normal', 'low', 'lowest'];
  const KINDS: Record<string, (i: number) => Coroutine<void>> = {
    fifo: (i) => spawn(() => { order.push(`c${i}`); }, { name: `c${i}` }),
    priority: (i) => spawn(() => { order.push(`c${i}`); }, { name: `c${i}`, priority: LEVELS[random(5)]! }),
    srpt: (i) => spawn(() => {
      expectWork(random(1000));
      yieldNow();
      order.push(`c${i}`);
    }, { name: `c${i}` }),
    bvt: (i) => spawn(() => { order.push(`c${i}`); }, { name: `c${i}`, bvt: { weight: 1, warp: 1 + ((i * 37) % 150) } }),
  };
  let order: string[] = [];

  it.each(Object.keys(KINDS))('shows under %s the order in which they run then, and does not change it', async (policy) => {
    configure({ schedulingPolicy: policy as PolicyName });
    order = [];
    // 150: with two turns of those that are for the last in line.
    const foreseen = await among(() => Array.from({ length: 150 }, (_, i) => KINDS[policy]!(i)), () => {
      // They have said how much work they have.
      if (policy === 'srpt') {
        yieldNow();
        while (runQueue({ limit: 1000 }).next.some(({ after }) => after === 'start')) yieldNow();
      }
      const { next, ready } = runQueue({ limit: 1000 });
      expect([next.length, ready]).toEqual([150, 150]);
      expect(names(runQueue({ limit: 40 }).next)).toEqual(names(next).slice(0, 40));
      expect(names(runQueue({ limit: 1000 }).next)).toEqual(names(next));
      return names(next);
    });
    expect(foreseen).toEqual(order);
  });

  it('says under fifo for how long each has been ready', async () => {
    const { next } = await among(() => [spawn(() => undefined, { name: 'patient' })], () => {
      const until = performance.now() + 20;
      while (performance.now() < until);
      return runQueue();
    });
    expect(next).toEqual([{ coroutine: expect.anything(), readyFor: expect.any(Number), after: 'start', reason: expect.any(String) }]);
    expect(next[0]!.readyFor).toBeGreaterThan(15);
    expect(next[0]!.reason).toMatch(/^has been ready for \d+ms$/);
  });

  it('counts the time of one that has given way from there', async () => {
    let over = false;
    let gaveWay = 0;
    const [age, least] = await among(() => [spawn(() => {
      while (!over) {
        gaveWay = performance.now();
        yieldNow();
      }
    }, { name: 'giving way' })], () => {
      sleep(40);
      const [one] = runQueue().next;
      over = true;
      return [one!.readyFor, performance.now() - gaveWay];
    });
    // By the clock as the scheduler read it last.
    expect(age).toBeLessThan(least + 20);
  });

  it('names the level under priority, and whose turn it is so that none starves', async () => {
    configure({ schedulingPolicy: 'priority' });
    const { next } = await among(() => [
      spawn(() => undefined, { name: 'last', priority: 'lowest' }),
      ...Array.from({ length: 100 }, () => spawn(() => undefined, { priority: 'highest' })),
    ], () => runQueue({ limit: 101 }));
    expect(next[0]).toMatchObject({ reason: 'its priority is highest', priority: 'highest' });
    const last = next.find(({ coroutine }) => coroutine.name === 'last')!;
    expect(last).toMatchObject({ reason: 'every 64th turn is for the last in line, so that none starves', priority: 'lowest' });
    expect(next.indexOf(last)).toBeLessThan(64);
  });

  it('tells those that accept connections from those that serve', async () => {
    configure({ schedulingPolicy: 'connections' });
    const [connections, accept] = await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0 });
      const accepting = spawn(() => { listener.accept().close(); }, { name: 'accepting' });
      yieldNow();
      using socket = connect({ host: '127.0.0.1', port: (listener.address as { port: number }).port });
      // Until the kernel's event has made it ready, behind this one.
      while (accepting.state === 'parked') sleep(1);
      const serving = spawn(() => { socket.write('served'); }, { name: 'serving' });
      const both = (['connections', 'accept'] as const).map((schedulingPolicy) => {
        configure({ schedulingPolicy });
        return runQueue().next.map(({ coroutine, reason }) => [coroutine.name, reason]);
      });
      accepting.join();
      serving.join();
      return both;
    });
    expect(connections).toEqual([
      ['serving', 'it serves, which goes before accepting'],
      ['accepting', 'it accepts connections, which goes behind all else'],
    ]);
    expect(accept).toEqual([
      ['accepting', 'it accepts connections, which goes before all else'],
      ['serving', 'it serves, which goes behind accepting'],
    ]);
  });

  it('knows a group that only its coroutines have, as long as they do', async () => {
    configure({ schedulingPolicy: 'bvt' });
    try {
      const spawnIn = (name: string) => {
        const bvt = new BvtGroup({ name });
        return spawn(() => { for (;;) sleep(1); }, { bvt });
      };
      const lasting = ['a', 'b', 'c'].map(spawnIn);
      await spawn(() => { sleep(3); });
      const shown = () => runQueue().groups.map(({ name }) => name).filter((name) => name.length === 1).sort().join('');
      for (let i = 0; i < 3; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect(shown()).toBe('abc');
      for (const one of lasting) {
        one.cancel();
        await expect(one).rejects.toThrow();
      }
      // Their slots are others' then.
      await Promise.all(Array.from({ length: 10 }, () => spawn(() => { sleep(1); })));
      expect(shown()).toBe('');
    } finally {
      configure({ schedulingPolicy: 'fifo' });
    }
  });

  it('shows shares under bvt, and gives a group of weight 3 three of four turns', async () => {
    configure({ schedulingPolicy: 'bvt' });
    const paying = new BvtGroup({ weight: 3, name: 'paying' });
    const free = new BvtGroup({ name: 'free' });
    const make = (bvt: BvtGroup) => Array.from({ length: 12 }, () => spawn(() => undefined, { bvt }));
    const { next, groups, policy } = await among(() => [...make(paying), ...make(free)], () => runQueue({ limit: 12 }));
    expect(policy).toBe('bvt');
    expect(next.filter(({ group }) => group === 'paying').length).toBe(9);
    expect(next[0]).toMatchObject({ weight: expect.any(Number), warp: 0, virtualTime: expect.any(Number) });
    expect(next.find(({ group, reason }) => group === 'paying' && reason.includes(' of the same share'))!.reason)
      .toMatch(/^group paying: virtual time [\d.]+m?s, weight 3, \d+ of the same share before it$/);
    expect(groups.map(({ name, weight }) => [name, weight])).toEqual(expect.arrayContaining([['paying', 3], ['free', 1]]));
    await spawn(() => { for (let i = 0; i < 1e7; i++); }, { bvt: paying });
    expect(runQueue().groups.find(({ name }) => name === 'paying')!.ran).toBeCloseTo(paying.ran);
    expect(paying.ran).toBeGreaterThan(0);
  });

  it('says that one warps, and by how much', async () => {
    configure({ schedulingPolicy: 'bvt' });
    const [one] = await among(() => [spawn(() => undefined, { bvt: { warp: 20 } })], () => runQueue().next);
    expect(one).toMatchObject({ warp: 20, weight: 1 });
    expect(one!.reason).toMatch(/^its own share: virtual time .*, weight 1, warped ahead by 20ms$/);
  });

  it('says under srpt what remains and where that is known from', async () => {
    configure({ schedulingPolicy: 'srpt' });
    const known = () => { sleep(0); };
    const [first] = await among(() => [spawn(() => undefined, { name: 'first' })], () => runQueue().next);
    expect(first).toMatchObject({ remainingFrom: 'nothing', reason: 'nothing is known of its work, as no job has ended yet' });
    await spawn(known);
    const { next } = await among(() => [
      spawn(known, { name: 'known' }),
      spawn(() => {
        expectWork(500);
        yieldNow();
      }, { name: 'told' }),
      spawn(() => {
        expectWork(0);
        const until = performance.now() + 3;
        while (performance.now() < until);
        yieldNow();
      }, { name: 'told too little' }),
    ], () => {
      const before = runQueue().next.find(({ coroutine }) => coroutine.name === 'known');
      for (let i = 0; i < 10 && runQueue().next.some(({ after }) => after === 'start'); i++) yieldNow();
      const after = runQueue();
      return { ...after, next: [before!, ...after.next.filter(({ coroutine }) => coroutine.name !== 'known')] };
    });
    expect(next.map(({ coroutine, remainingFrom }) => [coroutine.name, remainingFrom])).toEqual(
      expect.arrayContaining([['known', 'its kind'], ['told', 'expectWork'], ['told too little', 'what it has used']]));
    const told = next.find(({ coroutine }) => coroutine.name === 'told')!;
    expect(told.remaining).toBeGreaterThan(490);
    expect(told.reason).toMatch(/^(500|49\d)ms of work are left, as expectWork told; it has had [\d.]+ms and waited [\d.]+ms$/);
  });

  it('names the application\'s policy, and what it holds', async () => {
    class ShortestFirst implements SchedulingPolicy {
      private readonly held: Coroutine[] = [];
      ready(coroutine: Coroutine): void { this.held.push(coroutine); }
      next(): Coroutine { return this.held.shift()!; }
    }
    configure({ schedulingPolicy: new ShortestFirst() });
    const seen = await among(
      () => Array.from({ length: 3 }, (_, i) => spawn(() => { yieldNow(); }, { name: `c${i}` })),
      () => {
        const before = runQueue();
        yieldNow();
        return [before, runQueue()];
      });
    expect(seen[0]).toMatchObject({ policy: 'application', policyName: 'ShortestFirst', ready: 3 });
    expect(seen[0]!.next.map(({ reason }) => reason)).toEqual(Array(3).fill('ShortestFirst has yet to be told that it is ready'));
    expect(seen[1]!.next.map(({ reason }) => reason)).toContain('held by ShortestFirst, which decides when it runs');
    configure({ schedulingPolicy: { ready: () => undefined, next: () => undefined as never } });
    expect(runQueue().policyName).toBe(`the application's policy`);
  });

  it('shows what regulation keeps away, for how long, and why', async () => {
    // In simulated time, in which a unit of work takes as long as the test says.
    const seen = await simulate({ maxSteps: 1e6 }, () => {
      let unit = 25;
      const indexer = spawn(() => {
        for (;;) {
          sleep(unit);
          reportProgress();
        }
      }, { name: 'indexer', importance: 'low' });
      const other = spawn(() => { for (let i = 0; i < 60; i++) { sleep(25); reportProgress(); } }, { name: 'other', importance: 'low' });
      sleep(1);
      const atFirst = runQueue();
      sleep(300);
      const both = runQueue();
      other.join();
      unit = 60;
      while (runQueue().lowImportance[0]!.state !== 'suspended') sleep(5);
      sleep(50);
      const suspended = runQueue();
      indexer.cancel();
      return [atFirst, both, suspended].map(({ policy, lowImportance }) => ({ policy, lowImportance: lowImportance.map(({ coroutine, ...state }) => ({ name: coroutine.name, ...state })) }));
    });
    expect(seen[0]!.policy).toBe('simulation');
    expect(seen[0]!.lowImportance).toEqual(
      expect.arrayContaining([{ name: 'indexer', state: 'working' }, { name: 'other', state: 'working' }]));
    expect(seen[1]!.lowImportance.map(({ state }) => state).sort()).toEqual(['waiting', 'working']);
    const [away] = seen[2]!.lowImportance;
    expect(away).toMatchObject({ name: 'indexer', state: 'suspended', suspension: 100 });
    expect(away!.suspendedFor).toBeGreaterThanOrEqual(50);
    // It does one unit in 60 ms, and did one in 25 ms, of which nine tenths count.
    expect(away!.rate).toBeLessThan(20);
    expect(away!.target).toBeGreaterThan(30);
    expect(away!.target).toBeLessThan(40);
  });

  it('forgets those of low importance that have ended', async () => {
    await spawn(() => { reportProgress(); }, { name: 'short', importance: 'low' });
    expect(runQueue().lowImportance).toEqual([]);
  });

  it('refuses what it cannot do', () => {
    expect(() => runQueue({ limit: 1001 })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    expect(() => runQueue({ most: 3 } as object)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
    expect(() => new BvtGroup({ name: 3 } as object)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
  });
});
