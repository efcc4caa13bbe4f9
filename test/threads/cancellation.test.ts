import { describe, expect, it } from 'vitest';

import { CancelledError, Channel, shield, simulate, sleep, wait, yieldNow } from 'stackful';
import { inCoroutine } from 'stackful/embed';
import { Barrier, cancel, CANCELED, Condition, create, join, Mutex, Once, ReadWriteLock, self, Semaphore, testCancel } from 'stackful/threads';

import { runChild } from '../support/child.js';
import * as buffer from './programs/bounded_buffer.mjs';

const withCode = (code: string) => expect.objectContaining({ code }) as never;

/** A held lock of each kind, for waits that only a cancellation ends. */
function heldByOthers() {
  const [mutex, lock, once] = [new Mutex(), new ReadWriteLock(), new Once()];
  const holder = create(() => mutex.withLock(() => {
    lock.writeLock();
    try {
      once.call(() => { sleep(60_000); });
    } finally {
      lock.unlock();
    }
  }));
  yieldNow();
  return { mutex, lock, once, holder };
}

describe('cancel', () => {
  it('ends a thread in whatever it waits for', inCoroutine(() => {
    const { mutex, lock, once, holder } = heldByOthers();
    const waits: Record<string, () => void> = {
      'mutex.lock': () => { mutex.lock(); },
      'mutex.timedLock': () => { mutex.timedLock(60_000); },
      'condition.wait': () => { const own = new Mutex(); own.withLock(() => { new Condition().wait(own); }); },
      'lock.readLock': () => { lock.readLock(); },
      'lock.writeLock': () => { lock.writeLock(); },
      'barrier.wait': () => { new Barrier(2).wait(); },
      'semaphore.wait': () => { new Semaphore().wait(); },
      'once.call': () => { once.call(() => undefined); },
      join: () => { join(holder); },
      sleep: () => { sleep(60_000); },
      promise: () => { wait(new Promise(() => undefined)); },
      channel: () => { new Channel().receive(); },
    };
    for (const [name, waiting] of Object.entries(waits)) {
      const thread = create(waiting, undefined, { name });
      yieldNow();
      expect([name, thread.runner!.state]).toEqual([name, 'parked']);
      cancel(thread);
      expect([name, join(thread)]).toEqual([name, CANCELED]);
    }
    cancel(holder);
    expect(join(holder)).toBe(CANCELED);
    expect([mutex.tryLock(), lock.tryWriteLock(), once.done]).toEqual([true, true, false]);
    mutex.unlock();
    lock.unlock();
  }));

  it('waits for the next cancellation point', inCoroutine(() => {
    const order: string[] = [];
    const thread = create(() => {
      cancel(self());
      order.push('goes on');
      shield(() => { sleep(1); testCancel(); });
      order.push('is shielded');
      try {
        testCancel();
      } finally {
        order.push('cleans up');
      }
    });
    expect(join(thread)).toBe(CANCELED);
    expect(order).toEqual(['goes on', 'is shielded', 'cleans up']);
  }));

  it('does nothing to a thread that has ended, and refuses one that was joined', inCoroutine(() => {
    const thread = create(() => 'returned');
    while (thread.runner!.state !== 'done') yieldNow();
    cancel(thread);
    expect(join(thread)).toBe('returned');
    expect(() => { cancel(thread); }).toThrow(withCode('ESRCH'));
    expect(() => { cancel(undefined as never); }).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
  }));

  it('does not keep a thread from returning', inCoroutine(() => {
    const thread = create(() => {
      try {
        sleep(60_000);
      } catch (error) {
        return error;
      }
    });
    yieldNow();
    cancel(thread);
    expect(join(thread)).toEqual(expect.any(CancelledError));
  }));
});

it('testCancel does nothing else', inCoroutine(() => {
  testCancel();
  expect(join(create(() => { testCancel(); return 1; }))).toBe(1);
}));

describe('a failure that no join receives', () => {
  it.each(['forgotten', 'detachedLater', 'bornDetached', 'neverJoined'])('is an unhandled rejection: %s', async (scenario) => {
    const { exit, stdout } = await runChild('threads.mjs', [scenario], { flags: ['--expose-gc'] });
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'unhandled: failed\n' });
  });

  it('waits for a late join', inCoroutine(() => {
    const thread = create(() => { throw new Error('early'); });
    while (thread.runner!.state !== 'done') sleep(0.1);
    sleep(1);
    expect(() => join(thread)).toThrow('early');
  }));
});

describe('in simulated time', () => {
  it('the bounded buffer works in each schedule', async () => {
    await simulate({ seeds: 30 }, () => {
      // In simulated time no module can be loaded.
      const startHere = (_module: string, arg: never, { entry }: { entry: 'producer' | 'consumer' }) => create(buffer[entry] as (arg: never) => unknown, arg);
      const threads = { Mutex, Condition, join, create: startHere };
      expect(buffer.produceAndConsume(threads, 6)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    });
  });

  it('a thread that fails and is not joined fails the run', async () => {
    const fails = () => { throw new Error('failed'); };
    await expect(simulate({ seeds: 1 }, () => { create(fails); })).rejects.toThrow('failed');
    await simulate({ seeds: 5 }, () => {
      const thread = create(fails);
      expect(() => join(thread)).toThrow('failed');
      expect(() => join(thread)).toThrow(withCode('ESRCH'));
    });
  });

  it('a cancelled thread gives back what it has locked', async () => {
    await simulate({ cancelEach: 'cancelled' }, () => {
      const [mutex, lock, semaphore] = [new Mutex(), new ReadWriteLock(), new Semaphore(1)];
      const work = () => {
        mutex.withLock(() => { sleep(1); });
        lock.readLock();
        try {
          yieldNow();
        } finally {
          lock.unlock();
        }
        if (semaphore.timedWait(5)) semaphore.post();
      };
      const threads = ['cancelled', 'other'].map((name) => create(work, undefined, { name }));
      for (const thread of threads) join(thread);
      expect([mutex.tryLock(), lock.tryWriteLock(), semaphore.value]).toEqual([true, true, 1]);
      mutex.unlock();
      lock.unlock();
    });
  });
});
