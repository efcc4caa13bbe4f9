import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, spawn, timeout } from 'stackful';
import deasync from 'stackful/deasync';

describe('deasync', () => {
  const add = deasync(function (this: { base: number } | undefined, a: number, b: number, done: (error: unknown, sum?: number) => void) {
    const base = this?.base ?? 0;
    if (a < 0) done(new Error('negative'));
    else setTimeout(() => { done(null, base + a + b); done(null, -1); }, 1);
  });

  it('returns what the callback is given, with the receiver and the arguments of the call', async () => {
    expect(await spawn(() => [add(1, 2), add.call({ base: 10 }, 1, 2)])).toEqual([3, 13]);
  });

  it('throws the error, also of a callback that is called at once', async () => {
    await expect(spawn(() => add(-1, 0))).rejects.toThrow('negative');
  });

  it('throws outside a coroutine, before it calls the function', () => {
    let called = false;
    const fn = deasync((done: () => void) => { called = true; done(); });
    expect(() => fn()).toThrow(NotInCoroutineError);
    expect(called).toBe(false);
    expect(() => { deasync.sleep(1); }).toThrow(NotInCoroutineError);
    expect(() => { deasync.runLoopOnce(); }).toThrow(NotInCoroutineError);
    expect(() => { deasync.loopWhile(() => true); }).toThrow(NotInCoroutineError);
    expect(() => deasync('x' as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error);
  });

  it('ends with a time limit', async () => {
    const never = deasync(() => undefined);
    await expect(spawn(() => timeout(1, () => never()))).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  it('loopWhile waits while the loop and other coroutines run; runLoopOnce lets the loop have a turn', async () => {
    let done = false;
    setTimeout(() => { done = true; }, 40);
    let others = 0;
    spawn(() => { while (!done) { deasync.runLoopOnce(); others++; } });
    let asked = 0;
    await spawn(() => { deasync.loopWhile(() => { asked++; return !done; }); });
    expect(done).toBe(true);
    expect(others).toBeGreaterThan(0);
    // Once a millisecond, not in every turn of a loop that other coroutines keep busy.
    expect(asked).toBeLessThan(16 + 60);
  });
});
