import { describe, expect, expectTypeOf, it } from 'vitest';

import { Channel, coroutines, Mutex, select, simulate, SimulationError, sleep, spawn, wait, yieldNow, type Exploration, type Simulated } from 'stackful';

async function failure(run: Promise<unknown>): Promise<SimulationError> {
  const error: unknown = await run.then(() => undefined, (e: unknown) => e);
  expect(error).toBeInstanceOf(SimulationError);
  return error as SimulationError;
}

/** `n` coroutines with two turns each. */
const interleave = (n: number, orders: Set<string>) => () => {
  const order: number[] = [];
  const all = Array.from({ length: n }, (_, i) => spawn(() => {
    order.push(i);
    yieldNow();
    order.push(i);
  }));
  for (const c of all) c.join();
  orders.add(order.join(''));
};

describe('simulate, exploring', () => {
  it('runs every order of turns there is, each once', async () => {
    const orders = new Set<string>();
    const found = await simulate({ explore: true }, interleave(3, orders));
    expectTypeOf(found).toEqualTypeOf<Exploration>();
    // 6! / 2!^3
    expect(orders.size).toBe(90);
    expect(found.complete).toBe(true);
    expect(found.longest).toBeGreaterThanOrEqual(7);
    const none = await simulate({ explore: true }, () => { sleep(1); yieldNow(); });
    expect(none).toEqual({ runs: 1, complete: true, longest: 3 });
  });

  it('runs schedules with few departures first, up to a bound', async () => {
    const orders = new Set<string>();
    const runs: number[] = [];
    for (const bound of [0, 1, 2, 30]) {
      const found = await simulate({ explore: { bound } }, interleave(2, orders));
      expect(found.complete).toBe(true);
      runs.push(found.runs);
    }
    expect(runs[0]).toBe(1);
    expect(runs[0]! < runs[1]! && runs[1]! < runs[2]! && runs[2]! <= runs[3]!).toBe(true);
    expect(orders.size).toBe(6);
    // Without a bound there are as many.
    expect((await simulate({ explore: true }, interleave(2, orders))).runs).toBe(runs[3]);
  });

  it('stops after so many runs, and says so', async () => {
    for (const explore of [{ maxRuns: 5 }, { maxRuns: 5, bound: 9 }]) {
      expect(await simulate({ explore }, interleave(3, new Set()))).toMatchObject({ runs: 5, complete: false });
    }
  });

  it('counts schedules as one that differ in turns which touch nothing in common', async () => {
    const apart = (touch: boolean) => (simulated: Simulated) => {
      const all = [0, 1, 2].map((i) => spawn(() => { simulated.touch(touch ? 'same' : `own ${String(i)}`); }));
      sleep(1);
      for (const c of all) c.join();
    };
    const { runs } = await simulate({ explore: { shared: 'declared' } }, apart(false));
    expect(runs).toBe(1);
    expect((await simulate({ explore: { shared: 'declared' } }, apart(true))).runs).toBe(6);
    expect((await simulate({ explore: true }, apart(false))).runs).toBe(6);
  });

  it('tries what select may choose', async () => {
    const chosen = new Set<unknown>();
    const found = await simulate({ explore: true }, () => {
      const channels = { a: new Channel(1), b: new Channel(1), c: new Channel(1) };
      for (const channel of Object.values(channels)) channel.send(1);
      chosen.add(select(channels).key);
    });
    expect([...chosen].sort()).toEqual(['a', 'b', 'c']);
    expect(found.complete).toBe(true);
  });

  it.each(['everything', 'declared'] as const)('finds a deadlock that few schedules have, with %s shared', async (shared) => {
    const philosophers = () => {
      const forks = ['left', 'middle', 'right'].map((name) => new Mutex({ name }));
      const eat = (first: Mutex, second: Mutex) => () => first.withLock(() => {
        second.withLock(() => undefined);
        yieldNow();
      });
      const all = [0, 1].map((i) => spawn(eat(forks[i]!, forks[i + 1]!), { name: `philosopher ${String(i)}` }));
      all.push(spawn(() => forks[2]!.withLock(() => {
        yieldNow();
        if (forks[1]!.locked) forks[0]!.withLock(() => undefined);
      }), { name: 'greedy' }));
      for (const c of all) c.join();
    };
    const error = await failure(simulate({ explore: { shared } }, philosophers));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK' });
    expect(error.schedule).toBeDefined();
    const again = await failure(simulate({ schedule: error.schedule! }, philosophers));
    expect(again.cause).toMatchObject({ code: 'ERR_DEADLOCK' });
    expect(again.story).toBe(error.story);
  });

  it('takes promise callbacks for a part of the turn before them', async () => {
    const seen = new Set<string>();
    await simulate({ explore: true }, () => {
      const order: string[] = [];
      const all = ['a', 'b'].map((name) => spawn(() => {
        order.push(name);
        void Promise.resolve().then(() => order.push(`${name}'`));
        wait(Promise.resolve());
      }));
      for (const c of all) c.join();
      seen.add(order.join(' '));
    });
    expect([...seen].sort()).toEqual(["a a' b b'", "b b' a a'"]);
  });

  it('notices a program that is not the same in the same schedule', async () => {
    let runs = 0;
    const error = await failure(simulate({ explore: true }, () => {
      runs++;
      const all = Array.from({ length: 1 + runs }, () => spawn(() => { yieldNow(); }));
      for (const c of all) c.join();
    }));
    expect(error.cause).toMatchObject({ code: 'ERR_REPLAY_DIVERGED' });
  });

  it('leaves the classes that it listens to as they were', async () => {
    const { lock } = Object.getOwnPropertyDescriptors(Mutex.prototype);
    await simulate({ explore: { shared: 'declared' } }, () => {
      expect(Object.getOwnPropertyDescriptor(Mutex.prototype, 'lock')!.value).not.toBe(lock.value);
      new Mutex().withLock(() => undefined);
    });
    expect(Object.getOwnPropertyDescriptors(Mutex.prototype).lock).toEqual(lock);
    expect(coroutines().length).toBe(0);
  });

  it('refuses options that contradict each other', () => {
    const code = expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }) as never;
    expect(() => simulate({ explore: true, seeds: 2 }, () => 1)).toThrow(code);
    expect(() => simulate({ explore: { bound: 1, shared: 'declared' } }, () => 1)).toThrow(code);
    expect(() => simulate({ explore: true, schedule: '' }, () => 1)).toThrow(code);
    expect(() => simulate({ schedule: 'x' }, () => 1)).toThrow(code);
    expect(() => simulate({ explore: { shared: 'some' as never } }, () => 1)).toThrow(code);
  });
});
