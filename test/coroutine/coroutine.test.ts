import { types } from 'node:util';
import { describe, expect, it } from 'vitest';

import {
  CancelledError,
  type Coroutine,
  coroutines,
  current,
  Event,
  NotInCoroutineError,
  scope,
  sleep,
  spawn,
  StackMemoryError,
  wait,
  yieldNow,
} from 'stackful';

/** The unhandled rejections while `fn` runs, and right after. */
async function unhandledOf(fn: () => Promise<unknown>): Promise<unknown[]> {
  const unhandled: unknown[] = [];
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason) => unhandled.push(reason));
  try {
    await fn();
    await new Promise((resolve) => setTimeout(resolve, 50));
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
  }
  return unhandled;
}

describe('spawn', () => {
  it('returns at once and runs the function later, in the order of spawning', async () => {
    const order: number[] = [];
    const all = [1, 2, 3].map((n) => spawn(() => order.push(n)));
    expect(order).toEqual([]);
    await Promise.all(all);
    expect(order).toEqual([1, 2, 3]);
  });

  it('passes results and errors on', async () => {
    expect(await spawn(() => 42)).toBe(42);
    const error = new Error('mine');
    await expect(spawn(() => { throw error; })).rejects.toBe(error);
    await expect(spawn(() => { throw undefined; })).rejects.toBe(undefined);
  });

  it('runs ten thousand at once', async () => {
    let running = 0;
    let most = 0;
    const allRun = new Event();
    const all = Array.from({ length: 10_000 }, (_, n) => spawn(() => {
      most = Math.max(most, ++running);
      if (running === 10_000) allRun.set();
      allRun.wait();
      sleep(1);
      running--;
      return n;
    }));
    const results = await Promise.all(all);
    expect(results.every((value, n) => value === n)).toBe(true);
    expect(most).toBe(10_000);
  });

  it('refuses bad arguments with stable codes', () => {
    expect(() => spawn(1 as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => spawn(() => 1, { stackSize: 4096 })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    expect(() => spawn(() => 1, { stackSize: 1e12 })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    expect(() => spawn(() => 1, { stackSize: NaN })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    expect(() => spawn(() => 1, { stackSize: '1' as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(new StackMemoryError(1).code).toBe('ERR_STACK_MEMORY');
  });

  it('gives a larger stack more depth', async () => {
    const depth = () => {
      let n = 0;
      const deeper = (): void => { n++; deeper(); };
      expect(deeper).toThrow(RangeError);
      return n;
    };
    const small = await spawn(depth, { stackSize: 256 * 1024 });
    const large = await spawn(depth, { stackSize: 1024 * 1024 });
    expect(large).toBeGreaterThan(3 * small);
  });
});

describe('join', () => {
  it('waits, and returns again and again afterwards', async () => {
    await spawn(() => {
      const child = spawn(() => (sleep(1), 'done'));
      expect(child.join()).toBe('done');
      expect(child.join()).toBe('done');
    });
  });

  it('throws the error of the other into every joiner, and it counts as handled', async () => {
    const error = new Error('joined');
    const child = spawn((): number => { sleep(1); throw error; });
    const joiners = [1, 2, 3].map(() => spawn(() => { try { return child.join(); } catch (e) { return e; } }));
    expect(await Promise.all(joiners)).toEqual([error, error, error]);
  });

  it('on the main stack throws, unless the coroutine is done', async () => {
    const child = spawn(() => 5);
    expect(() => child.join()).toThrow(NotInCoroutineError);
    await child;
    expect(child.join()).toBe(5);
  });

  it('refuses to join itself', async () => {
    await expect(spawn(() => current()!.join())).rejects.toMatchObject({ code: 'ERR_DEADLOCK' });
  });

  it('given up by cancellation just as the other fails, ends as cancelled, and the failure is not lost', async () => {
    for (const endsAtOnce of [true, false]) {
      const error = new Error('unheard');
      const unhandled = await unhandledOf(async () => {
        const joiners: Coroutine[] = [];
        const child = spawn(() => {
          yieldNow();
          for (const joiner of joiners) joiner.cancel();
          if (!endsAtOnce) yieldNow();
          throw error;
        });
        const joiner: Coroutine = spawn(() => { child.join(); });
        joiners.push(joiner);
        await expect(joiner).rejects.toBeInstanceOf(CancelledError);
      });
      expect(unhandled).toEqual([error]);
    }
  });

  it('given up by cancellation, does not wake the joiner later', async () => {
    const child = spawn(() => { sleep(20); });
    const joiner = spawn(() => {
      try { child.join(); } catch { /* cancelled */ }
      return 'gave up';
    });
    await spawn(() => { sleep(1); });
    joiner.cancel();
    expect(await joiner).toBe('gave up');
    await child;
  });
});

describe('state', () => {
  it('goes from ready over running and parked to done', async () => {
    const states: string[] = [];
    const child: Coroutine = spawn(() => {
      states.push(child.state);
      try { sleep(1e6); } catch { /* cancelled below */ }
    });
    states.push(child.state);
    await spawn(() => { sleep(1); states.push(child.state); });
    child.cancel();
    await child;
    states.push(child.state);
    expect(states).toEqual(['ready', 'running', 'parked', 'done']);
  });

  it('is listed by coroutines() while it is alive, and known to itself as current()', async () => {
    expect(current()).toBeUndefined();
    const child: Coroutine<boolean> = spawn(() => (yieldNow(), (current() as unknown) === child), { name: 'me' });
    expect(coroutines()).toContain(child);
    expect(await child).toBe(true);
    expect(child.name).toBe('me');
    expect(coroutines()).not.toContain(child);
  });
});

describe('cancel', () => {
  it('ends the parking call it is in and every later one, with the reason', async () => {
    const seen: unknown[] = [];
    const child = spawn(() => {
      for (let i = 0; i < 2; i++) {
        try { sleep(1e6); } catch (error) { seen.push(error); }
      }
      try { wait(new Promise(() => undefined)); } catch (error) { seen.push(error); }
    });
    await spawn(() => { sleep(1); });
    child.cancel('because');
    await child;
    expect(seen.length).toBe(3);
    for (const error of seen) {
      expect(error).toBeInstanceOf(CancelledError);
      expect(error).toMatchObject({ code: 'ERR_CANCELLED', reason: 'because' });
    }
  });

  it('before the start ends the first parking call, and after the end does nothing', async () => {
    const child = spawn(() => { sleep(1e6); });
    child.cancel();
    await expect(child).rejects.toBeInstanceOf(CancelledError);
    child.cancel();
  });

  it('of a coroutine that no code joins is no unhandled rejection; a later join throws it', async () => {
    const stop = new AbortController();
    const background: Coroutine[] = [];
    const unhandled = await unhandledOf(async () => {
      background.push(spawn(() => { sleep(1e6); }), spawn(() => { sleep(1e6); }, { signal: stop.signal }));
      spawn(() => { background.push(scope((s) => (s.cancel('over'), s.spawn(() => { sleep(1e6); })))); });
      await spawn(() => { yieldNow(); });
      background[0]!.cancel('because');
      stop.abort('stopped');
    });
    expect(unhandled).toEqual([]);
    expect(background.map((c) => c.state)).toEqual(['done', 'done', 'done']);
    for (const [i, reason] of ['because', 'stopped', 'over'].entries()) {
      expect(() => background[i]!.join()).toThrow(expect.objectContaining({ code: 'ERR_CANCELLED', reason }));
      await expect(background[i]).rejects.toMatchObject({ code: 'ERR_CANCELLED', reason });
    }
  });

  it('does not make other errors silent, nor those of other cancelled coroutines', async () => {
    const mine = new Error('while cleaning up');
    const other = spawn(() => { sleep(1e6); });
    const unhandled = await unhandledOf(async () => {
      const c = spawn(() => {
        try { sleep(1e6); } catch { throw mine; }
      });
      spawn(() => { other.join(); });
      await spawn(() => { yieldNow(); });
      c.cancel();
      other.cancel('theirs');
    });
    expect(unhandled).toEqual([mine, expect.objectContaining({ code: 'ERR_CANCELLED', reason: 'theirs' })]);
  });
});

describe('as a promise', () => {
  it('can be awaited many times, before and after the end', async () => {
    const child = spawn(() => (sleep(1), 7));
    expect(await Promise.all([child, child.then((n) => n + 1)])).toEqual([7, 8]);
    expect(await child).toBe(7);
  });

  it('hands out a real one, always the same', async () => {
    const child = spawn(() => (sleep(1), 7));
    const { promise } = child;
    expect(types.isPromise(promise)).toBe(true);
    expect(child.promise).toBe(promise);
    expect(await promise).toBe(7);
    expect(await spawn(() => 8).promise).toBe(8);
    const failed = spawn(() => { throw new RangeError('of the body'); });
    await expect(failed.promise).rejects.toThrow('of the body');
    expect(() => failed.join()).toThrow('of the body');
  });

  it('settles while nothing else keeps the loop busy', async () => {
    await expect(spawn(() => wait(Promise.reject(new Error('inner'))))).rejects.toThrow('inner');
  });
});
