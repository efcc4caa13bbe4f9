import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  atomic, CancelledError, coroutines, NotInCoroutineError, scope, ScopeEndedError, ScopeFailedError, shield, sleep, spawn,
  timeout, TimeoutError, wait, yieldNow, type Scope,
} from 'stackful';

const never = new Promise<never>(() => undefined);

function errorOf(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return expect.unreachable();
}

describe('scope', () => {
  it('returns when every coroutine in it is done', async () => {
    const done: number[] = [];
    await spawn(() => {
      expect(scope((s) => {
        for (const ms of [90, 30, 60]) s.spawn(() => { sleep(ms); done.push(ms); });
        return 'result';
      })).toBe('result');
      expect(done).toEqual([30, 60, 90]);
      expect(scope(() => 5)).toBe(5);
    });
  });

  it('the first failure cancels the others and the function, and is what is thrown', async () => {
    await spawn(() => {
      const seen: unknown[] = [];
      const failure = new Error('first');
      expect(errorOf(() => scope((s) => {
        s.spawn(() => { try { wait(never); } catch (error) { seen.push(error); throw error; } });
        s.spawn(() => { sleep(1); throw failure; });
        try { sleep(1e6); } catch (error) { seen.push(error); throw error; }
      }))).toBe(failure);
      expect(seen.length).toBe(2);
      for (const error of seen) expect(error).toMatchObject({ code: 'ERR_CANCELLED', reason: failure });
      sleep(0.1);
    });
  });

  it('a failure of the function cancels the coroutines, which are awaited', async () => {
    await spawn(() => {
      const order: string[] = [];
      expect(() => scope((s) => {
        s.spawn(() => {
          try { wait(never); } finally { shield(() => { sleep(2); order.push('cleaned'); }); }
        });
        yieldNow();
        throw new RangeError('mine');
      })).toThrow(RangeError);
      expect(order).toEqual(['cleaned']);
    });
  });

  it('keeps further failures', async () => {
    await spawn(() => {
      const [first, second, third] = [new Error('first'), new Error('second'), new Error('third')];
      const error = errorOf(() => scope((s) => {
        s.spawn(() => { try { wait(never); } catch { throw second; } });
        s.spawn(() => { sleep(1); throw first; });
        try { wait(never); } catch { throw third; }
      }));
      expect(error).toBeInstanceOf(ScopeFailedError);
      expect(error).toBeInstanceOf(AggregateError);
      expect(error).toMatchObject({ code: 'ERR_SCOPE_FAILED', name: 'ScopeFailedError', cause: first });
      expect(new Set((error as AggregateError).errors)).toEqual(new Set([first, second, third]));
      expect((error as AggregateError).errors[0]).toBe(first);
    });
  });

  it('a coroutine that its cancel() ends is no failure', async () => {
    await spawn(() => {
      expect(scope((s) => {
        const child = s.spawn(() => { wait(never); });
        s.spawn(() => { sleep(1); });
        yieldNow();
        child.cancel();
        return 1;
      })).toBe(1);
    });
  });

  it('cancel ends what is under way; the function may return all the same', async () => {
    await spawn(() => {
      expect(scope((s) => {
        s.spawn(() => { wait(never); });
        yieldNow();
        s.cancel();
        return 'done';
      })).toBe('done');
      const error = errorOf(() => scope((s) => {
        s.spawn(() => { sleep(1); s.cancel('enough'); });
        wait(never);
      }));
      expect(error).toBeInstanceOf(CancelledError);
      expect(error).toMatchObject({ reason: 'enough' });
      sleep(0.1);
      // Cancelled from outside, while the function is over and its coroutines are awaited.
      let kept!: Scope;
      spawn(() => { sleep(1); kept.cancel(); });
      expect(scope((s) => {
        kept = s;
        s.spawn(() => { wait(never); });
        return 'value';
      })).toBe('value');
      kept.cancel();
      expect(() => kept.spawn(() => 1)).toThrow(ScopeEndedError);
    });
  });

  it('what is spawned in a cancelled scope is cancelled from the start', async () => {
    await spawn(() => {
      let ended: unknown;
      scope((s) => {
        s.cancel('over');
        s.spawn(() => { try { sleep(1e6); } catch (error) { ended = error; throw error; } });
        return 1;
      });
      expect(ended).toMatchObject({ code: 'ERR_CANCELLED', reason: 'over' });
    });
  });

  it('the end of the caller is the end of its coroutines, at any point', async () => {
    for (const inBody of [true, false]) {
      let cleaned = 0;
      const parent = spawn(() => scope((s) => {
        for (let i = 0; i < 3; i++) {
          s.spawn(() => { try { wait(never); } finally { shield(() => { sleep(1); cleaned++; }); } });
        }
        if (inBody) wait(never);
      }));
      await spawn(() => { sleep(1); });
      parent.cancel('outside');
      await expect(parent).rejects.toMatchObject({ code: 'ERR_CANCELLED', reason: 'outside' });
      expect(cleaned).toBe(3);
    }
  });

  it('a timeout around it ends it, and is told apart', async () => {
    await spawn(() => {
      expect(timeout(1, () => scope((s) => {
        s.spawn(() => { sleep(1e6); });
        return 'value';
      }), () => 'timed out')).toBe('timed out');
      expect(() => timeout(1, () => scope((s) => s.spawn(() => { sleep(1e6); }).join()))).toThrow(TimeoutError);
      expect(scope((s) => s.spawn(() => timeout(1, () => wait(never), () => 'inner')).join())).toBe('inner');
      sleep(0.1);
    });
  });

  it('nests: inner coroutines end before outer ones go on', async () => {
    await spawn(() => {
      const order: string[] = [];
      expect(() => scope((outer) => {
        outer.spawn(() => scope((inner) => {
          inner.spawn(() => { try { wait(never); } finally { shield(() => { sleep(1); order.push('inner'); }); } });
        }));
        yieldNow();
        yieldNow();
        throw new Error('outer');
      })).toThrow('outer');
      order.push('after');
      expect(order).toEqual(['inner', 'after']);
    });
  });

  it('refuses the main stack, atomic sections, and what is no function', async () => {
    expect(() => scope(() => 1)).toThrow(NotInCoroutineError);
    await spawn(() => {
      expect(() => atomic(() => scope(() => 1))).toThrow(expect.objectContaining({ code: 'ERR_ATOMIC_SECTION' }));
      expect(() => scope(1 as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    });
  });

  it('leaves no coroutine behind and loses no failure, in any order of events', async () => {
    const act = fc.record({
      ms: fc.nat(3),
      end: fc.constantFrom('return', 'throw', 'never'),
      stubborn: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 6 }), fc.option(fc.nat(4)), fc.option(fc.nat(4)), async (acts, cancelAt, limit) => {
        const before = coroutines().length;
        let running = 0;
        let thrown = 0;
        const parent = spawn(() => {
          const run = () => scope((s) => {
            for (const { ms, end, stubborn } of acts) {
              s.spawn(() => {
                running++;
                try {
                  sleep(ms / 10);
                  if (end === 'throw') { thrown++; throw new Error('mine'); }
                  if (end === 'never') wait(never);
                } finally {
                  if (stubborn) shield(() => { sleep(0.1); });
                  running--;
                }
              });
            }
          });
          try {
            if (limit === null) run(); else timeout(limit / 10, run);
            return [];
          } catch (error) {
            return error instanceof ScopeFailedError ? (error.errors as unknown[]) : [error];
          } finally {
            expect(running).toBe(0);
          }
        });
        const ends = cancelAt !== null || limit !== null || acts.every(({ end }) => end === 'return') || acts.some(({ end }) => end === 'throw');
        let canceller: PromiseLike<void> | undefined;
        if (cancelAt !== null) canceller = spawn(() => { shield(() => { sleep(cancelAt / 10); parent.cancel(); }); });
        else if (!ends) parent.cancel();
        const errors = await parent;
        const mine = errors.filter((error) => (error as Error).message === 'mine').length;
        expect(mine).toBe(thrown);
        await canceller;
        expect(coroutines().length).toBe(before);
      }),
      { numRuns: 100 },
    );
  });
});
