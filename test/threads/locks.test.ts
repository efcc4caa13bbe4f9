/** What threads share, by the calls of POSIX: each of them for coroutines and in shared memory, here used by the coroutines of one worker. */

import { describe, expect, it } from 'vitest';

import { sleep, spawn, timeout, yieldNow } from 'stackful';
import { inCoroutine } from 'stackful/embed';
import { cancel, CANCELED, create, join, over, type Thread, type ThreadKind } from 'stackful/threads';

const withCode = (code: string) => expect.objectContaining({ code }) as never;

/** Lets the threads that were created run until they wait. Parks. */
function untilWaiting(...threads: Thread<any>[]): void {
  while (threads.some((thread) => thread.runner!.state === 'ready')) yieldNow();
}

describe.each<ThreadKind>(['coroutines', 'workers'])('over %s', (kind) => {
  const { Mutex, Condition, ReadWriteLock, Barrier, Semaphore, Once } = over(kind);

  describe('mutex', () => {
    it('lets one thread in at a time', inCoroutine(() => {
      const mutex = new Mutex();
      let inside = 0;
      const threads = Array.from({ length: 10 }, () => create(() => mutex.withLock(() => {
        expect(++inside).toBe(1);
        sleep(0.5);
        inside--;
      })));
      for (const thread of threads) join(thread);
    }));

    it('tryLock and timedLock take it only when it is free', inCoroutine(() => {
      const mutex = new Mutex();
      mutex.lock();
      expect(join(create(() => [mutex.tryLock(), mutex.timedLock(5)]))).toEqual([false, false]);
      const later = create(() => mutex.timedLock(60_000) && (mutex.unlock(), 'locked'));
      untilWaiting(later);
      mutex.unlock();
      expect(join(later)).toBe('locked');
      expect([mutex.timedLock(0), mutex.tryLock()]).toEqual([true, false]);
      mutex.unlock();
    }));

    it('unlock is for its holder only, of whatever type', inCoroutine(() => {
      for (const type of ['normal', 'recursive', 'errorcheck'] as const) {
        const mutex = new Mutex({ type, name: type });
        expect(() => { mutex.unlock(); }).toThrow(withCode('EPERM'));
        mutex.lock();
        expect(join(create(() => {
          expect(() => { mutex.unlock(); }).toThrow(withCode('EPERM'));
          return mutex.tryLock();
        }))).toBe(false);
        mutex.unlock();
        expect(join(create(() => mutex.tryLock() && (mutex.unlock(), true)))).toBe(true);
      }
      expect(() => new Mutex({ type: 'robust' as never })).toThrow(withCode('ERR_INVALID_ARG_VALUE'));
      expect(() => new Mutex({ kind: 1 } as never)).toThrow(withCode('ERR_UNKNOWN_OPTION'));
    }));

    it('of type normal waits for itself', inCoroutine(() => {
      const mutex = new Mutex({ type: 'normal' });
      mutex.lock();
      expect([mutex.tryLock(), mutex.timedLock(5)]).toEqual([false, false]);
      expect(timeout(5, () => { mutex.lock(); }, () => 'still waiting')).toBe('still waiting');
      mutex.unlock();
    }));

    it('of type errorcheck refuses its holder', inCoroutine(() => {
      const mutex = new Mutex({ type: 'errorcheck' });
      mutex.lock();
      expect(() => { mutex.lock(); }).toThrow(withCode('EDEADLK'));
      expect(() => mutex.timedLock(1)).toThrow(withCode('EDEADLK'));
      expect(mutex.tryLock()).toBe(false);
      mutex.unlock();
      expect(() => { mutex.unlock(); }).toThrow(withCode('EPERM'));
    }));

    it('of type recursive counts', inCoroutine(() => {
      const mutex = new Mutex({ type: 'recursive' });
      mutex.lock();
      mutex.lock();
      expect([mutex.tryLock(), mutex.timedLock(1)]).toEqual([true, true]);
      for (let left = 4; left > 0; left--) {
        expect(join(create(() => mutex.tryLock()))).toBe(false);
        mutex.unlock();
      }
      expect(join(create(() => mutex.tryLock() && (mutex.unlock(), true)))).toBe(true);
      expect(() => { mutex.unlock(); }).toThrow(withCode('EPERM'));
    }));

    it('is destroyed when it is free, once', inCoroutine(() => {
      const mutex = new Mutex({ name: 'door' });
      mutex.lock();
      expect(() => { mutex.destroy(); }).toThrow('destroy: EBUSY, door is in use');
      mutex.unlock();
      mutex.destroy();
      for (const call of ['destroy', 'lock', 'tryLock', 'unlock', 'consistent'] as const) {
        expect(() => { mutex[call](); }).toThrow(withCode('EINVAL'));
      }
    }));

    it('tells that its holder has ended, also those that wait already', inCoroutine(() => {
      const mutex = new Mutex();
      const holder = create(() => { mutex.lock(); sleep(2); });
      untilWaiting(holder);
      const waiting = [1, 2].map(() => create(() => { expect(() => { mutex.lock(); }).toThrow(withCode('EOWNERDEAD')); }));
      for (const thread of [holder, ...waiting]) join(thread);
      for (const call of ['lock', 'tryLock', 'unlock'] as const) expect(() => { mutex[call](); }).toThrow(withCode('EOWNERDEAD'));
      mutex.consistent();
      expect(() => { mutex.consistent(); }).toThrow(withCode('EINVAL'));
      expect(join(create(() => mutex.tryLock()))).toBe(false);
      mutex.unlock();
      mutex.withLock(() => undefined);
    }));

    it('is not taken by a thread that was cancelled while it waited', inCoroutine(() => {
      const mutex = new Mutex();
      mutex.lock();
      const [first, second] = [1, 2].map(() => create(() => { mutex.lock(); mutex.unlock(); }));
      untilWaiting(first!, second!);
      cancel(first!);
      mutex.unlock();
      expect([join(first!), join(second!)]).toEqual([CANCELED, undefined]);
    }));
  });

  describe('read-write lock', () => {
    it('lets many read or one write', inCoroutine(() => {
      const lock = new ReadWriteLock();
      lock.readLock();
      expect(join(create(() => {
        const got = [lock.tryReadLock(), lock.tryWriteLock(), lock.timedReadLock(1)];
        lock.unlock();
        lock.unlock();
        return [...got, lock.timedWriteLock(1)];
      }))).toEqual([true, false, true, false]);
      lock.unlock();
      expect([lock.tryWriteLock(), lock.tryWriteLock(), lock.tryReadLock()]).toEqual([true, false, false]);
      expect(join(create(() => [lock.tryReadLock(), lock.timedReadLock(1), lock.timedWriteLock(1)]))).toEqual([false, false, false]);
      lock.unlock();
    }));

    it('lets a writer go before readers that come later, but for those that read already', inCoroutine(() => {
      const lock = new ReadWriteLock();
      const order: string[] = [];
      lock.readLock();
      const writer = create(() => { lock.writeLock(); order.push('writer'); lock.unlock(); });
      untilWaiting(writer);
      const reader = create(() => { lock.readLock(); order.push('reader'); lock.unlock(); });
      untilWaiting(reader);
      lock.readLock();
      order.push('reader from before');
      lock.unlock();
      lock.unlock();
      join(writer);
      join(reader);
      expect(order).toEqual(['reader from before', 'writer', 'reader']);
    }));

    it('lets readers in when the writer before them gives up', inCoroutine(() => {
      const lock = new ReadWriteLock();
      lock.readLock();
      const writer = create(() => lock.timedWriteLock(2));
      untilWaiting(writer);
      const reader = create(() => { lock.readLock(); lock.unlock(); return 'read'; });
      expect([join(writer), join(reader)]).toEqual([false, 'read']);
      lock.unlock();
    }));

    it('refuses what would never end, and what is not held', inCoroutine(() => {
      const lock = new ReadWriteLock();
      expect(() => { lock.unlock(); }).toThrow(withCode('EPERM'));
      lock.writeLock();
      expect(() => { lock.writeLock(); }).toThrow(withCode('EDEADLK'));
      expect(() => { lock.readLock(); }).toThrow(withCode('EDEADLK'));
      expect(() => { lock.destroy(); }).toThrow(withCode('EBUSY'));
      expect(() => join(create(() => { lock.unlock(); }))).toThrow(withCode('EPERM'));
      lock.unlock();
      lock.readLock();
      expect(() => { lock.writeLock(); }).toThrow(withCode('EDEADLK'));
      expect(() => { lock.destroy(); }).toThrow(withCode('EBUSY'));
      lock.unlock();
      lock.destroy();
      for (const call of ['readLock', 'tryReadLock', 'writeLock', 'tryWriteLock', 'unlock', 'destroy'] as const) {
        expect(() => { lock[call](); }).toThrow(withCode('EINVAL'));
      }
    }));
  });

  describe('barrier', () => {
    it('holds threads until all are there, round after round, and tells one', inCoroutine(() => {
      const barrier = new Barrier(3);
      const arrived = [0, 0, 0, 0];
      const threads = [1, 2, 3].map((n) => create(() => arrived.map((_, round) => {
        if (round % n === 0) sleep(0.2);
        arrived[round]!++;
        const told = barrier.wait();
        expect(arrived[round]).toBe(3);
        return told;
      })));
      const told = threads.map((thread) => join(thread) as boolean[]);
      for (const round of arrived.keys()) expect(told.filter((of) => of[round])).toHaveLength(1);
      expect(barrier.parties).toBe(3);
    }));

    it('does not count a thread whose wait was ended early', inCoroutine(() => {
      const barrier = new Barrier(2);
      expect(timeout(1, () => barrier.wait(), () => 'alone')).toBe('alone');
      const cancelled = create(() => barrier.wait());
      untilWaiting(cancelled);
      expect(() => { barrier.destroy(); }).toThrow(withCode('EBUSY'));
      cancel(cancelled);
      expect(join(cancelled)).toBe(CANCELED);
      const other = create(() => barrier.wait());
      expect([barrier.wait(), join(other)].sort()).toEqual([false, true]);
      barrier.destroy();
      expect(() => barrier.wait()).toThrow(withCode('EINVAL'));
    }));

    it('needs a number of parties', () => {
      for (const parties of [0, 1.5, 2 ** 15]) expect(() => new Barrier(parties)).toThrow(withCode('ERR_OUT_OF_RANGE'));
      expect(() => new Barrier('2' as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    });

    it('of one does not wait', inCoroutine(() => { expect(new Barrier(1).wait()).toBe(true); }));
  });

  describe('semaphore', () => {
    it('counts, and waits at 0', inCoroutine(() => {
      const semaphore = new Semaphore(2);
      expect([semaphore.tryWait(), semaphore.timedWait(1), semaphore.tryWait(), semaphore.timedWait(2)]).toEqual([true, true, false, false]);
      const waiter = create(() => { semaphore.wait(); return semaphore.value; });
      untilWaiting(waiter);
      expect(() => { semaphore.destroy(); }).toThrow(withCode('EBUSY'));
      semaphore.post();
      expect(join(waiter)).toBe(0);
      for (let i = 0; i < 3; i++) semaphore.post();
      expect(semaphore.value).toBe(3);
      semaphore.destroy();
      expect(() => { semaphore.post(); }).toThrow(withCode('EINVAL'));
    }));

    it('can be posted on the main stack, and no further than it counts', async () => {
      const semaphore = new Semaphore();
      const waiter = create(() => { semaphore.wait(); return 'posted'; });
      semaphore.post();
      expect(await waiter).toBe('posted');
      expect(() => { new Semaphore(2 ** 31 - 1).post(); }).toThrow(withCode('EAGAIN'));
      expect(() => new Semaphore(-1)).toThrow(withCode('ERR_OUT_OF_RANGE'));
    });
  });

  describe('once', () => {
    it('calls one function, and the others wait for it', inCoroutine(() => {
      const once = new Once();
      const calls: number[] = [];
      const threads = [1, 2, 3].map((n) => create(() => {
        once.call(() => { sleep(1); calls.push(n); });
        return [...calls];
      }));
      for (const thread of threads) expect(join(thread)).toEqual([1]);
      expect(once.done).toBe(true);
    }));

    it('begins again when the function throws or its thread is cancelled', inCoroutine(() => {
      const once = new Once();
      expect(() => { once.call(() => { throw new Error('not yet'); }); }).toThrow('not yet');
      const thread = create(() => { once.call(() => { sleep(60_000); }); });
      untilWaiting(thread);
      const next = create(() => { once.call(() => undefined); return once.done; });
      cancel(thread);
      expect([join(thread), join(next)]).toEqual([CANCELED, true]);
    }));

    it('refuses itself', inCoroutine(() => {
      const once = new Once();
      once.call(() => { expect(() => { once.call(() => undefined); }).toThrow(withCode('EDEADLK')); });
      once.destroy();
      expect(() => { once.call(() => undefined); }).toThrow(withCode('EINVAL'));
    }));
  });

  it('calls that can wait need a coroutine', () => {
    const calls = [() => { new Mutex().lock(); }, () => new Mutex().tryLock(), () => { new ReadWriteLock().readLock(); },
      () => { new Barrier(2).wait(); }, () => { new Semaphore(1).wait(); }, () => { new Once().call(() => undefined); }];
    for (const call of calls) expect(call).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
  });

  it('are waited for until the signal of the call is aborted', inCoroutine(() => {
    const [mutex, lock, condition] = [new Mutex(), new ReadWriteLock(), new Condition()];
    const holder = create(() => mutex.withLock(() => { lock.writeLock(); sleep(60_000); }));
    untilWaiting(holder);
    const own = new Mutex({ type: 'normal' });
    own.lock();
    const waits: ((options: { signal: AbortSignal }) => unknown)[] = [
      (options) => { mutex.lock(options); },
      (options) => mutex.withLock(() => 1, options),
      (options) => { own.lock(options); },
      (options) => { lock.readLock(options); },
      (options) => { lock.writeLock(options); },
      (options) => { condition.wait(own, options); },
      (options) => new Barrier(2).wait(options),
      (options) => { new Semaphore().wait(options); },
    ];
    for (const waiting of waits) {
      expect(() => waiting({ signal: AbortSignal.abort(new Error('too late')) })).toThrow('too late');
      const controller = new AbortController();
      const aborting = create(() => { controller.abort(new Error('no longer')); });
      expect(() => waiting({ signal: controller.signal })).toThrow('no longer');
      join(aborting);
    }
    expect(() => { mutex.lock({ singal: 1 } as never); }).toThrow(withCode('ERR_UNKNOWN_OPTION'));
    own.unlock();
    cancel(holder);
    expect(join(holder)).toBe(CANCELED);
  }));

  it('are held by coroutines that create did not make, too', inCoroutine(() => {
    const mutex = new Mutex();
    mutex.lock();
    expect(spawn(() => mutex.tryLock()).join()).toBe(false);
    mutex.unlock();
  }));
});
