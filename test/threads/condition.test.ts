import { describe, expect, it } from 'vitest';

import { shield, sleep, timeout, yieldNow } from 'stackful';
import { inCoroutine } from 'stackful/embed';
import { cancel, CANCELED, Condition, create, join, Mutex, over, type Thread, type ThreadKind } from 'stackful/threads';

const withCode = (code: string) => expect.objectContaining({ code }) as never;

describe.each<ThreadKind>(['coroutines', 'workers'])('a condition over %s', (kind) => {
  const threads = over(kind);

  /** A thread that waits once; returns when it does. Parks. */
  function waiting(mutex: Mutex, condition: Condition, after: (signalled: boolean) => void = () => undefined, ms = 60_000): Thread<boolean> {
    let waits = false;
    const thread = create(() => mutex.withLock(() => {
      waits = true;
      const signalled = condition.timedWait(mutex, ms);
      after(signalled);
      return signalled;
    }));
    while (!waits) yieldNow();
    mutex.withLock(() => undefined);
    return thread;
  }

  it('wakes one by signal and all by broadcast, and remembers neither', inCoroutine(() => {
    const mutex = new threads.Mutex();
    const condition = new threads.Condition();
    condition.signal();
    condition.broadcast();
    let woken = 0;
    const waiters = [1, 2, 3, 4].map(() => waiting(mutex, condition, () => { woken++; }));
    sleep(2);
    expect(woken).toBe(0);
    condition.signal();
    while (woken === 0) sleep(0.5);
    sleep(2);
    expect(woken).toBe(1);
    condition.broadcast();
    expect(waiters.map((thread) => join(thread))).toEqual([true, true, true, true]);
    condition.destroy();
    expect(() => { condition.signal(); }).toThrow(withCode('EINVAL'));
  }));

  it('has the mutex again after each wait', inCoroutine(() => {
    const mutex = new threads.Mutex();
    const condition = new threads.Condition();
    let inside = 0;
    const waiters = [1, 2, 3].map(() => waiting(mutex, condition, () => {
      expect(++inside).toBe(1);
      sleep(0.5);
      inside--;
    }));
    mutex.lock();
    condition.broadcast();
    sleep(2);
    mutex.unlock();
    for (const thread of waiters) join(thread);
  }));

  it('gives up after a time, with the mutex', inCoroutine(() => {
    const mutex = new threads.Mutex();
    const condition = new threads.Condition();
    mutex.lock();
    expect(condition.timedWait(mutex, 2)).toBe(false);
    expect(timeout(2, () => { condition.wait(mutex); }, () => 'over')).toBe('over');
    expect(join(create(() => mutex.tryLock()))).toBe(false);
    mutex.unlock();
  }));

  it('ends for a cancelled thread, which has the mutex then, and whose signal another gets', inCoroutine(() => {
    const mutex = new threads.Mutex();
    const condition = new threads.Condition();
    const held: boolean[] = [];
    const first = create(() => {
      mutex.lock();
      try {
        condition.wait(mutex);
      } finally {
        held.push(shield(() => join(create(() => mutex.tryLock())) as boolean));
        mutex.unlock();
      }
    });
    while (first.runner!.state === 'ready') yieldNow();
    const second = waiting(mutex, condition);
    cancel(first);
    condition.signal();
    expect([join(first), join(second)]).toEqual([CANCELED, true]);
    expect(held).toEqual([false]);
  }));

  it('unlocks a recursive mutex wholly, and locks it as often again', inCoroutine(() => {
    const mutex = new threads.Mutex({ type: 'recursive' });
    const condition = new threads.Condition();
    mutex.lock();
    mutex.lock();
    const other = create(() => mutex.withLock(() => { condition.signal(); }));
    condition.wait(mutex);
    join(other);
    mutex.unlock();
    expect(join(create(() => mutex.tryLock()))).toBe(false);
    mutex.unlock();
    expect(() => { mutex.unlock(); }).toThrow(withCode('EPERM'));
  }));

  it('needs a mutex that the thread holds', inCoroutine(() => {
    const mutex = new threads.Mutex();
    const condition = new threads.Condition();
    expect(() => { condition.wait(mutex); }).toThrow(withCode('EPERM'));
    expect(() => { condition.wait({} as never); }).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    const otherKind = new (over(kind === 'workers' ? 'coroutines' : 'workers').Mutex)();
    otherKind.lock();
    expect(() => { condition.wait(otherKind); }).toThrow(withCode('EINVAL'));
    expect(join(create(() => otherKind.tryLock()))).toBe(false);
    otherKind.unlock();
  }));

  it('is busy while threads wait for it', inCoroutine(() => {
    const mutex = new threads.Mutex();
    const condition = new threads.Condition();
    const waiter = waiting(mutex, condition);
    expect(() => { condition.destroy(); }).toThrow(withCode('EBUSY'));
    condition.signal();
    join(waiter);
    condition.destroy();
    expect(() => { condition.destroy(); }).toThrow(withCode('EINVAL'));
  }));

  it('tells that the holder of the mutex has ended', inCoroutine(() => {
    const mutex = new threads.Mutex();
    const condition = new threads.Condition();
    const waiter = create(() => mutex.withLock(() => { condition.wait(mutex); }));
    while (waiter.runner!.state === 'ready') yieldNow();
    join(create(() => { mutex.lock(); condition.signal(); }));
    expect(() => join(waiter)).toThrow(withCode('EOWNERDEAD'));
  }));
});

it('a condition waits with one mutex at a time', inCoroutine(() => {
  const [mutex, other] = [new Mutex(), new Mutex()];
  const condition = new Condition();
  const waiter = create(() => mutex.withLock(() => { condition.wait(mutex); }));
  while (waiter.runner!.state === 'ready') yieldNow();
  expect(() => other.withLock(() => { condition.wait(other); })).toThrow(withCode('EINVAL'));
  condition.signal();
  join(waiter);
  expect(other.withLock(() => condition.timedWait(other, 1))).toBe(false);
}));
