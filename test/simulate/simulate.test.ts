import { afterAll, describe, expect, expectTypeOf, it } from 'vitest';

import {
  after,
  CancelledError,
  Channel,
  coroutines,
  Mutex,
  select,
  shield,
  simulate,
  SimulationError,
  sleep,
  spawn,
  stats,
  timeout,
  TimeoutError,
  wait,
  yieldNow,
  type Simulated,
} from 'stackful';

/** Rejects unless it fails; returns how. */
async function failure(run: Promise<unknown>): Promise<SimulationError> {
  const error: unknown = await run.then(() => undefined, (e: unknown) => e);
  expect(error).toBeInstanceOf(SimulationError);
  return error as SimulationError;
}

const order = () => {
  const seen: number[] = [];
  const all = [1, 2, 3, 4, 5].map((n) => spawn(() => {
    seen.push(n);
    yieldNow();
    seen.push(n);
    sleep(n % 2);
    seen.push(n);
  }));
  for (const c of all) c.join();
  return seen.join('');
};

describe('simulate', () => {
  afterAll(() => {
    expect(stats().externalWaits).toBe(0);
  });

  it('returns what the function returns', async () => {
    expect(await simulate(() => 5)).toBe(5);
    expect(await simulate({ seeds: 3 }, ({ seed }) => seed)).toBeTypeOf('number');
    expectTypeOf(simulate({ seed: 1 }, () => 'x')).toEqualTypeOf<Promise<string>>();
    expectTypeOf(simulate((s) => s)).toEqualTypeOf<Promise<Simulated>>();
  });

  it('lets time jump, exactly', async () => {
    const began = performance.now();
    const times = await simulate({ seed: 1 }, (simulated) => {
      const seen: number[] = [];
      sleep(3_600_000);
      seen.push(simulated.now());
      sleep(0.25);
      seen.push(simulated.now());
      expect(() => timeout(1000, () => { sleep(5000); })).toThrow(TimeoutError);
      seen.push(simulated.now());
      select([new Channel(), after(50)]);
      seen.push(simulated.now());
      return seen;
    });
    expect(times).toEqual([3_600_000, 3_600_000.25, 3_601_000.25, 3_601_050.25]);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('repeats a schedule by its seed, and has many', async () => {
    const schedules = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const one = await simulate({ seed }, order);
      expect(await simulate({ seed }, order)).toBe(one);
      schedules.add(one);
    }
    expect(schedules.size).toBeGreaterThan(15);
    const draws = (seed: number) => simulate({ seed }, (s) => Array.from({ length: 5 }, () => s.random(1000)));
    expect(await draws(7)).toEqual(await draws(7));
    expect(await draws(7)).not.toEqual(await draws(8));
    const chosen = (seed: number) => simulate({ seed }, () => {
      const channels = Array.from({ length: 8 }, () => new Channel<number>(1));
      for (const channel of channels) channel.send(0);
      return channels.map(() => select(channels).key);
    });
    expect(await chosen(7)).toEqual(await chosen(7));
  });

  it('finds a race, and its message tells how to repeat it', async () => {
    const race = () => {
      let balance = 100;
      const withdraw = () => {
        if (balance < 80) return;
        sleep(1);
        balance -= 80;
      };
      const all = [spawn(withdraw), spawn(() => { yieldNow(); yieldNow(); sleep(0.5); withdraw(); })];
      for (const c of all) c.join();
      expect(balance).toBeGreaterThanOrEqual(0);
    };
    const error = await failure(simulate({ seed: 0, seeds: 1000 }, race));
    expect(error.code).toBe('ERR_SIMULATION');
    expect(error.message).toContain(`seed: ${error.seed}`);
    const again = await failure(simulate({ seed: error.seed }, race));
    expect(again.message).toMatch(/^expected -60 to be/);
    expect((await failure(simulate({ seed: error.seed }, race))).message).toBe(again.message);
    const shortest = await failure(simulate({ seed: error.seed, schedule: error.schedule! }, race));
    expect(shortest.message).toBe(error.message);
    expect(again.cause).toBeInstanceOf(Error);
  });

  it('waits for promises that are settled inside', async () => {
    expect(await simulate({ seed: 1, seeds: 50 }, () => {
      const chain = Promise.resolve(1).then((n) => n + 1).then(async (n) => n + (await Promise.resolve(1)));
      const child = spawn(() => { sleep(10); return 4; });
      const ticked = new Promise<number>((resolve) => { process.nextTick(resolve, 5); });
      return [wait(chain), wait(child.then((n) => n)), wait(ticked)];
    })).toEqual([3, 4, 5]);
  });

  it('reports a deadlock, and which coroutine waits for what', async () => {
    const error = await failure(simulate({ seed: 3 }, () => {
      const a = new Mutex();
      const b = new Mutex();
      const one = spawn(() => { a.withLock(() => { sleep(1); b.withLock(() => undefined); }); }, { name: 'one' });
      const two = spawn(() => { b.withLock(() => { sleep(1); a.withLock(() => undefined); }); }, { name: 'two' });
      one.join();
      two.join();
    }));
    expect(error.message).toMatch(/deadlock/);
    expect(error.message).toMatch(/one waits for Mutex #\d+ held by #\d+ two/);
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK' });
    // A simulation has no outside world, so no coroutine can wait for it.
    const outer = await failure(simulate({ seed: 3 }, () => { wait(new Promise((resolve) => setTimeout(resolve, 1))); }));
    expect(outer.message).toMatch(/deadlock.*waits for promise/);
    const left = await failure(simulate({ seed: 3 }, () => { spawn(() => new Channel().receive(), { name: 'forgotten' }); }));
    expect(left.message).toMatch(/forgotten waits for Channel/);
    expect(left.message).toContain('seed: 3');
  });

  it('takes a coroutine that ends by its own cancellation for one that has ended', async () => {
    await simulate({ seed: 1 }, () => {
      const background = spawn(() => { sleep(1e6); });
      sleep(1);
      background.cancel();
    });
  });

  it('cleans up after a failure: finally blocks run, no coroutine is left', async () => {
    const before = coroutines().length;
    const log: string[] = [];
    await failure(simulate({ seed: 1 }, () => {
      spawn(() => {
        try {
          sleep(1000);
        } finally {
          shield(() => { sleep(5); });
          log.push('cleaned');
        }
      });
      yieldNow();
      yieldNow();
      throw new Error('failed');
    }));
    expect(log).toEqual(['cleaned']);
    expect(coroutines().length).toBe(before);
    // Coroutines that cannot be ended are not left, either.
    const stuck = await failure(simulate({ seed: 1 }, () => {
      const locked = new Mutex();
      spawn(() => locked.lock()).join();
      spawn(() => { shield(() => { new Channel().receive(); }); });
      spawn(() => { for (;;) shield(() => { sleep(1); }); });
      new Channel().receive();
    }));
    expect(stuck.cause).toBeInstanceOf(Error);
    expect(coroutines().length).toBe(before);
    expect(await spawn(() => { sleep(1); return 'the world goes on'; })).toBe('the world goes on');
  });

  it('reports a coroutine that failed without a join', async () => {
    const error = await failure(simulate({ seed: 1 }, () => {
      spawn(() => { throw new TypeError('unasked'); });
    }));
    expect(error.cause).toBeInstanceOf(TypeError);
    await simulate({ seed: 1, seeds: 20 }, () => {
      const child = spawn(() => { throw new TypeError('asked late'); });
      sleep(10);
      expect(() => child.join()).toThrow('asked late');
    });
  });

  it('ends what never ends', async () => {
    const error = await failure(simulate({ seed: 1, maxSteps: 1000 }, () => { for (;;) yieldNow(); }));
    expect(error.message).toContain('no end after 1000 steps');
  });

  it('holds all other coroutines up while it runs, and wakes them afterwards', async () => {
    const events: string[] = [];
    const other = spawn(() => { for (let i = 0; i < 3; i++) { events.push('other'); sleep(0); } });
    const channel = new Channel<string>(Infinity);
    const receiver = spawn(() => channel.receive());
    await new Promise((resolve) => setImmediate(resolve));
    events.length = 0;
    await simulate({ seed: 1 }, () => {
      for (let i = 0; i < 100; i++) sleep(1000);
      channel.trySend('from inside');
      events.push('simulated');
    });
    expect(events).toEqual(['simulated']);
    await other;
    expect(await receiver).toBe('from inside');
  });

  it('takes turns with itself, and works from inside a coroutine', async () => {
    const all = await Promise.all([1, 2, 3].map((n) => simulate({ seed: n }, () => { sleep(10); return n; })));
    expect(all).toEqual([1, 2, 3]);
    expect(await spawn(() => wait(simulate({ seed: 1 }, () => 'inner')))).toBe('inner');
    const nested = await failure(simulate({ seed: 1 }, () => wait(simulate({ seed: 2 }, () => 1))));
    expect(nested.message).toContain('inside a simulation');
  });

  it('cancels at every parking call in turn', async () => {
    const seen = new Set<string>();
    await simulate({ seed: 1, seeds: 3, cancelEach: 'victim' }, () => {
      let at = 'start';
      const victim = spawn(() => {
        sleep(1);
        at = 'slept';
        new Channel(1).send(1);
        yieldNow();
        at = 'yielded';
        sleep(1);
        at = 'end';
      }, { name: 'victim' });
      try {
        victim.join();
      } catch (error) {
        expect(error).toBeInstanceOf(CancelledError);
      }
      seen.add(at);
    });
    expect([...seen].sort()).toEqual(['end', 'slept', 'start', 'yielded']);
    // One that does not unlock when it is cancelled.
    const forgetful = () => {
      const mutex = new Mutex();
      const victim = spawn(() => { const lock = mutex.lock(); sleep(1); lock[Symbol.dispose](); }, { name: 'victim' });
      const other = spawn(() => { sleep(0.5); mutex.withLock(() => undefined); });
      try { victim.join(); } catch { /* cancelled */ }
      other.join();
    };
    const error = await failure(simulate({ seed: 9, cancelEach: 'victim' }, forgetful));
    expect(error.message).toContain("{ seed: 9, cancel: {'name':'victim','at':1,'when':'parked'} }");
    const again = await failure(simulate({ seed: 9, cancel: error.cancel as never }, forgetful));
    // The numbers of coroutines and locks go on from run to run.
    expect(again.message.replaceAll(/#\d+/g, '#')).toBe(error.message.replaceAll(/#\d+/g, '#'));
    await simulate({ seed: 9 }, forgetful);
  });

  it('refuses bad arguments', () => {
    const code = (c: string) => expect.objectContaining({ code: c }) as never;
    expect(() => simulate(5 as never)).toThrow(code('ERR_INVALID_ARG_TYPE'));
    expect(() => simulate({ seed: -1 }, () => 1)).toThrow(code('ERR_OUT_OF_RANGE'));
    expect(() => simulate({ seed: 0.5 }, () => 1)).toThrow(code('ERR_OUT_OF_RANGE'));
    expect(() => simulate({ seeds: 0 }, () => 1)).toThrow(code('ERR_OUT_OF_RANGE'));
    expect(() => simulate({ maxSteps: 0 }, () => 1)).toThrow(code('ERR_OUT_OF_RANGE'));
    expect(() => simulate({ cancel: { name: 'x', at: 0 } }, () => 1)).toThrow(code('ERR_OUT_OF_RANGE'));
  });
});
