import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';

import { CancelledError, configure, coroutines, current, simulate, sleep, softTimer, spawn, stats, timeout, yieldNow } from 'stackful';

afterEach(() => { configure({ schedulingPolicy: 'fifo' }); });

/** Runs a program in a process of its own. */
function run(program: string, expected: number | null = 0): { stdout: string; stderr: string } {
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', timeout: 60_000 });
  expect(result.stderr + String(result.status)).toContain(String(expected));
  expect(result.status).toBe(expected);
  return result;
}

describe('softTimer', () => {
  it('calls the function once, in a coroutine, not before its time, and gives its result', async () => {
    const began = performance.now();
    let calls = 0;
    const timer = softTimer(300, () => {
      calls++;
      return [performance.now() - began, current()] as const;
    });
    expect(timer.parkedOn).toBe('soft timer 300us');
    expect(timer.stack()).toBe('');
    const [after, inside] = await timer;
    expect(after).toBeGreaterThanOrEqual(0.3);
    expect(inside).toBe(timer);
    sleepOutside(2);
    expect(calls).toBe(1);
  });

  it('keeps the order of microseconds, from coroutines and the main stack', async () => {
    const order: number[] = [];
    await simulate(() => {
      for (const us of [70, 10.5, 40, 0, 10]) softTimer(us, () => order.push(us));
      sleep(1);
    });
    expect(order).toEqual([0, 10, 10.5, 40, 70]);
  });

  it('may park, and others run meanwhile', async () => {
    const order: string[] = [];
    await spawn(() => {
      const timer = softTimer(10, () => {
        order.push('fires');
        sleep(5);
        order.push('goes on');
      });
      sleep(2);
      order.push('meanwhile');
      timer.join();
    });
    expect(order).toEqual(['fires', 'meanwhile', 'goes on']);
  });

  it('runs at a switch, before those that are ready', async () => {
    let turns = 0;
    let over = false;
    const others = Array.from({ length: 200 }, () => spawn(() => {
      while (!over) {
        turns++;
        for (const end = performance.now() + 0.05; performance.now() < end;);
        yieldNow();
      }
    }));
    await spawn(() => {
      turns = 0;
      softTimer(200, () => { over = true; }).join();
    });
    expect(turns).toBeGreaterThan(0);
    // About four turns, and not one of each.
    expect(turns).toBeLessThan(60);
    await Promise.all(others);
  });

  it('cancelled before its time is never called; after it, ends like any coroutine', async () => {
    let called = false;
    const timer = softTimer(60e6, () => { called = true; });
    const waits = stats().externalWaits;
    timer.cancel('enough');
    await expect(timer).rejects.toThrow(CancelledError);
    expect(stats().externalWaits).toBe(waits - 1);
    const late = softTimer(1, () => { sleep(60_000); });
    await spawn(() => { while (late.parkedOn !== 'sleep 60000ms') sleep(0.5); });
    late.cancel();
    await expect(late).rejects.toThrow(CancelledError);
    // Between its time and its turn.
    const between = spawn(() => {
      const fired = softTimer(0, () => { called = true; });
      for (const end = performance.now() + 0.2; performance.now() < end;);
      fired.cancel();
      expect(() => fired.join()).toThrow(CancelledError);
    });
    await between;
    expect(called).toBe(false);
  });

  it('does not end with a time limit around its call, and its failure is joined', async () => {
    await spawn(() => {
      const timer = timeout(1000, () => softTimer(500, () => { throw new Error('mine'); }));
      expect(() => timer.join()).toThrow('mine');
    });
  });

  it('has the async context of its caller', async () => {
    const storage = new AsyncLocalStorage<string>();
    const outside = storage.run('main', () => softTimer(20, () => storage.getStore()));
    const inside = await spawn(() => storage.run('inside', () => softTimer(20, () => storage.getStore())));
    expect([await outside, inside, storage.getStore()]).toEqual(['main', 'inside', undefined]);
  });

  it('checks its arguments', () => {
    const before = coroutines().length;
    for (const bad of [-1, NaN, Infinity]) {
      expect(() => softTimer(bad, () => 1)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    }
    expect(() => softTimer('1' as never, () => 1)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => softTimer(1, 5 as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(coroutines().length).toBe(before);
  });

  it('is exact in simulated time, and what is armed beyond a simulation goes with it', async () => {
    const waits = stats().externalWaits;
    const times = await simulate({ seeds: 20 }, (simulated) => {
      const seen: number[] = [];
      softTimer(250, () => seen.push(simulated.now())).join();
      sleep(0.25);
      seen.push(simulated.now());
      expect(seen).toEqual([0.25, 0.5]);
    });
    expect(times).toBeUndefined();
    expect(stats().externalWaits).toBe(waits);
  });

  it('works under other policies', async () => {
    for (const schedulingPolicy of ['priority', 'bvt', 'srpt'] as const) {
      configure({ schedulingPolicy });
      expect(await softTimer(50, () => schedulingPolicy)).toBe(schedulingPolicy);
      await spawn(() => { for (let i = 0; i < 20; i++) sleep(0.05); });
    }
  });

  it('keeps the process alive until it has run, and not once it is cancelled', () => {
    expect(run(`
      import { softTimer } from 'stackful';
      softTimer(3000, () => console.log('ran'));
      softTimer(3600e6, () => console.log('never')).cancel();
    `).stdout).toBe('ran\n');
  });

  it('that fails is an unhandled rejection', () => {
    expect(run(`
      import { softTimer } from 'stackful';
      softTimer(10, () => { throw new Error('of the timer'); });
    `, 1).stderr).toContain('of the timer');
  });

  it("is forgotten at a worker's end", () => {
    expect(run(`
      import { Worker } from 'node:worker_threads';
      import { once } from 'node:events';
      const program = \`
        import { parentPort } from 'node:worker_threads';
        import { softTimer, sleep, spawn } from 'stackful';
        for (let i = 0; i < 1000; i++) softTimer(i * 1000, () => sleep(1));
        spawn(() => { for (;;) sleep(0.01); });
        spawn(() => { sleep(5); parentPort.postMessage('armed'); });
      \`;
      for (let i = 0; i < 3; i++) {
        const worker = new Worker(program, { eval: true });
        await once(worker, 'message');
        await worker.terminate();
      }
      console.log('ended');
    `).stdout).toBe('ended\n');
  });
});

describe('a sleep below a millisecond', () => {
  it('is never early, also when many are under way', async () => {
    const early: number[] = [];
    await Promise.all(Array.from({ length: 50 }, (_, i) => spawn(() => {
      for (let round = 0; round < 20; round++) {
        const ms = ((i * 7 + round) % 40) / 100;
        const began = performance.now();
        sleep(ms);
        // performance.now() is rounded to a nanosecond of a double.
        if (performance.now() - began < ms - 1e-6) early.push(ms);
      }
    })));
    expect(early).toEqual([]);
  });

  it('does not keep others, nor the loop, out', async () => {
    let over = false;
    const sleepers = Array.from({ length: 20 }, () => spawn(() => { while (!over) sleep(0.001); }));
    const turns = await spawn(() => {
      for (let i = 0; i < 1000; i++) yieldNow();
      return 1000;
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    over = true;
    await Promise.all(sleepers);
    expect(turns).toBe(1000);
  });
});

/** Holds the main stack. */
function sleepOutside(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}
