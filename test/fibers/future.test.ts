import { describe, expect, it, vi } from 'vitest';

import { current, NotInCoroutineError, sleep, spawn, timeout } from 'stackful';
import Fiber from 'stackful/fibers';
import Future from 'stackful/future';

const after = (ms: number, value?: unknown) => {
  const future = new Future();
  setTimeout(() => { future.return(value); }, ms);
  return future;
};

describe('a future', () => {
  it('is waited for by any coroutine, not only by fibers', async () => {
    expect(await spawn(() => [Fiber.current, after(1, 'a').wait(), Future.wait(after(1), [after(2)])])).toEqual([undefined, 'a', undefined]);
    await expect(spawn(() => timeout(1, () => new Future().wait()))).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  it('not outside', () => {
    expect(() => new Future().wait()).toThrow("Can't wait without a fiber");
    expect(() => new Future().wait()).not.toThrow(NotInCoroutineError);
  });

  it('made of a function runs it in a fiber that may park', async () => {
    const slow = function (this: unknown, x: number) { sleep(1); return [x, this, current()?.name !== undefined]; };
    const receiver = { slow: slow.future() };
    expect(await receiver.slow(3).promise()).toEqual([3, receiver, true]);
    await expect(Future.task(() => { sleep(1); throw new Error('failed'); }).promise()).rejects.toThrow('failed');
  });

  it('wraps the functions of an object, and those of a function', async () => {
    const api = Object.assign((done: (e: unknown, v: string) => void) => { done(null, 'called'); }, {
      both(this: void, a: number, done: (...args: unknown[]) => void) { setTimeout(done, 1, null, a, a + 1); return 'handle'; },
    });
    const wrapped = Future.wrap({ api, both: api.both }, true);
    const future = wrapped.bothFuture(1);
    expect(future._).toBe('handle');
    expect(await future.promise()).toEqual([1, 2]);
    const call = Future.wrap(api) as any;
    expect(await call().promise()).toBe('called');
    expect(await call.bothFuture(5).promise()).toBe(5);
  });

  it('that is resolved twice, or failed with nothing, throws', () => {
    const future = new Future();
    expect(() => { future.throw(undefined); }).toThrow('Must throw non-empty error');
    expect(() => future.get()).toThrow('Future must resolve before value is ready');
    future.return(1);
    expect(() => { future.return(2); }).toThrow('Future resolved more than once');
  });

  it('a fiber that waits for one is not resumed by another of its callbacks', async () => {
    const log: unknown[] = [];
    Fiber(() => {
      const [a, b] = [after(1, 'a'), after(3, 'b')];
      log.push(a.wait(), b.wait());
    }).run();
    await vi.waitFor(() => { expect(log).toEqual(['a', 'b']); });
  });
});
