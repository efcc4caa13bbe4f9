import { describe, expect, it } from 'vitest';

import { CancelledError, NotInCoroutineError, simulate, sleep, spawn, timeout, TimeoutError, wait, yieldNow } from 'stackful';

const never = new Promise<never>(() => undefined);

/** Runs `fn` in a coroutine and returns what it throws. */
function thrownBy(fn: () => unknown): Promise<unknown> {
  return spawn(() => {
    try {
      fn();
    } catch (error) {
      return error;
    }
    return undefined;
  }).then();
}

describe('timeout', () => {
  it('returns what the function returns, and throws what it throws', async () => {
    await spawn(() => {
      expect(timeout(60_000, () => (sleep(1), 7))).toBe(7);
      expect(() => timeout(1000, () => { throw new RangeError('mine'); })).toThrow(RangeError);
    });
  });

  it('ends the call at the deadline, naming the call and the limit', async () => {
    const began = performance.now();
    const error = await thrownBy(() => timeout(3.5, () => wait(never)));
    expect(performance.now() - began).toBeGreaterThanOrEqual(3.4);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', name: 'TimeoutError' });
    expect((error as Error).message).toMatch(/wait .*3\.5 ms/);
  });

  it('keeps the process alive for its deadline', async () => {
    // Nothing else is pending here: without the scope's timer the loop would end.
    await expect(spawn(() => timeout(2, () => wait(never)))).rejects.toBeInstanceOf(TimeoutError);
  });

  it('fails every later call inside, and none after it', async () => {
    const seen: unknown[] = [];
    // In simulated time, because on a busy machine a call in time could come too late.
    await simulate(() => {
      timeout(1, () => {
        for (const call of [() => { sleep(1e6); }, () => { yieldNow(); }, () => wait(Promise.resolve())]) {
          try { call(); } catch (error) { seen.push(error); }
        }
      });
      sleep(1);
      yieldNow();
      expect(wait(Promise.resolve(3))).toBe(3);
      // The limit of a scope that was left in time ends no later call.
      timeout(2, () => { sleep(0.1); });
      sleep(5);
    });
    expect(seen.length).toBe(3);
    for (const error of seen) expect(error).toBeInstanceOf(TimeoutError);
  });

  it('names the innermost scope whose time is up', async () => {
    await spawn(() => {
      let inner: unknown, outer: unknown;
      timeout(20, (twenty) => {
        try {
          timeout(2, (two) => {
            try { wait(never); } catch (error) { inner = error; }
            expect(two.caused(inner)).toBe(true);
            expect(twenty.caused(inner)).toBe(false);
          });
          timeout(1e6, (long) => {
            try { wait(never); } catch (error) { outer = error; }
            expect(long.caused(outer)).toBe(false);
            expect(twenty.caused(outer)).toBe(true);
          });
          // Both limits are over: the inner scope ends this call, the outer one the next call outside the inner.
          try {
            timeout(0, (zero) => {
              const until = performance.now() + 1;
              while (performance.now() < until);
              try { yieldNow(); } catch (error) { expect(twenty.caused(error) || zero.caused(error)).toBe(true); }
            });
          } finally {
            expect(() => { yieldNow(); }).toThrow(TimeoutError);
          }
        } catch (error) {
          expect(twenty.caused(error)).toBe(true);
        }
      });
      sleep(0.1);
    });
  });

  it('runs `otherwise` for its own expiry only', async () => {
    await spawn(() => {
      expect(timeout(1, () => wait(never), (error) => error.code)).toBe('ERR_TIMEOUT');
      // `otherwise` runs outside the scope.
      expect(timeout(1, () => wait(never), () => (sleep(2), 'late'))).toBe('late');
      expect(timeout(1000, () => 'in time', () => 'late')).toBe('in time');
      expect(() => timeout(1000, () => { throw new Error('mine'); }, () => 'late')).toThrow('mine');
      const seen: string[] = [];
      timeout(2, () => timeout(1e6, () => wait(never), () => seen.push('inner')), () => seen.push('outer'));
      expect(seen).toEqual(['outer']);
    });
  });

  it('gives way to a cancellation', async () => {
    const child = spawn(() => timeout(1, () => {
      try { wait(never); } catch { /* the timeout */ }
      child.cancel();
      wait(never);
    }, () => 'timed out'));
    await expect(child).rejects.toBeInstanceOf(CancelledError);
  });

  it('of one coroutine is nothing to another', async () => {
    await spawn(() => {
      timeout(1, () => {
        const child = spawn(() => { sleep(5); return 'whole'; });
        expect(() => child.join()).toThrow(TimeoutError);
        return child;
      }).then((result) => { expect(result).toBe('whole'); }, () => expect.unreachable());
      sleep(8);
    });
  });

  it('refuses what is no time, the main stack, and what is no function', async () => {
    for (const bad of [-1, NaN]) {
      expect(() => timeout(bad, () => 1)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    }
    expect(() => timeout('1' as never, () => 1)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => timeout(1, undefined as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => timeout(1, () => 1)).toThrow(NotInCoroutineError);
    expect(await spawn(() => timeout(Infinity, () => (sleep(0.1), 4)))).toBe(4);
  });
});
