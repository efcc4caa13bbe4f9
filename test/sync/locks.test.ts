import { describe, expect, it } from 'vitest';

import {
  atomic,
  Barrier,
  Channel,
  Condition,
  type Coroutine,
  Event,
  Mutex,
  otherwise,
  type ParkOptions,
  ReadWriteLock,
  select,
  Semaphore,
  sleep,
  spawn,
  timeout,
  WaitGroup,
  yieldNow,
} from 'stackful';

import { untilParked } from '../support/parked.js';

const withCode = (code: string) => expect.objectContaining({ code }) as never;

describe('Mutex', () => {
  it('lets one in at a time, in the order of asking', async () => {
    const mutex = new Mutex();
    const order: number[] = [];
    let inside = 0;
    await Promise.all(Array.from({ length: 20 }, (_, n) => spawn(() => {
      using _lock = mutex.lock();
      expect(++inside).toBe(1);
      order.push(n);
      if (n % 3 === 0) sleep(1);
      else yieldNow();
      inside--;
    })));
    expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(mutex.locked).toBe(false);
  });

  it('cannot be overtaken by a coroutine that asks after it was handed over', async () => {
    const mutex = new Mutex();
    await spawn(() => {
      const lock = mutex.lock();
      let got = false;
      const other = spawn(() => { mutex.withLock(() => { got = true; }); });
      yieldNow();
      lock[Symbol.dispose]();
      expect(mutex.tryLock()).toBe(undefined);
      expect(got).toBe(false);
      other.join();
      expect(got).toBe(true);
    });
  });

  it('is unlocked when the function throws', async () => {
    const mutex = new Mutex();
    await spawn(() => {
      expect(() => mutex.withLock(() => { throw new Error('inside'); })).toThrow('inside');
      expect(mutex.withLock(() => 5)).toBe(5);
    });
  });

  it('reports misuse', async () => {
    const mutex = new Mutex();
    expect(() => mutex.lock()).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    expect(() => mutex.tryLock()).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    expect(() => { mutex.unlock(); }).toThrow(withCode('ERR_LOCK_NOT_OWNED'));
    await spawn(() => {
      expect(() => mutex.withLock(1 as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
      const lock = mutex.lock();
      expect(() => mutex.lock()).toThrow(withCode('ERR_LOCK_RECURSIVE'));
      spawn(() => {
        expect(() => { lock[Symbol.dispose](); }).toThrow(withCode('ERR_LOCK_NOT_OWNED'));
        expect(() => { mutex.unlock(); }).toThrow(withCode('ERR_LOCK_NOT_OWNED'));
      }).join();
      lock[Symbol.dispose]();
      expect(() => { lock[Symbol.dispose](); }).toThrow(withCode('ERR_LOCK_NOT_OWNED'));
      const again = mutex.lock();
      expect(() => { lock[Symbol.dispose](); }).toThrow(withCode('ERR_LOCK_NOT_OWNED'));
      mutex.unlock();
      expect(() => { again[Symbol.dispose](); }).toThrow(withCode('ERR_LOCK_NOT_OWNED'));
      spawn(() => mutex.lock(), { name: 'forgetful' }).join();
      expect(() => mutex.lock()).toThrow(withCode('ERR_LOCK_NOT_OWNED'));
    });
  });

  it('says what is waited for', async () => {
    const mutex = new Mutex();
    await spawn(() => {
      mutex.withLock(() => {
        const other = spawn(() => mutex.lock());
        yieldNow();
        expect(other.parkedOn).toBe('mutex.lock');
      });
    });
  });
});

describe('Semaphore', () => {
  it('hands permits out in the order of asking, large requests too', async () => {
    const semaphore = new Semaphore(3);
    const order: string[] = [];
    await spawn(() => {
      semaphore.acquire(2);
      const large = spawn(() => { semaphore.acquire(3); order.push('large'); semaphore.release(3); });
      const small = spawn(() => { semaphore.acquire(); order.push('small'); semaphore.release(); });
      yieldNow();
      expect(semaphore.tryAcquire()).toBe(false);
      expect(order).toEqual([]);
      semaphore.release(2);
      large.join();
      small.join();
      expect(order).toEqual(['large', 'small']);
      expect(semaphore.available).toBe(3);
      expect(semaphore.withPermit(() => semaphore.available)).toBe(2);
    });
  });

  it('lets the next ones go on when a large request is given up', async () => {
    const semaphore = new Semaphore(3);
    await spawn(() => {
      semaphore.acquire(2);
      const large = spawn(() => { semaphore.acquire(3); });
      const small = spawn(() => { semaphore.acquire(); return true; });
      yieldNow();
      large.cancel();
      expect(small.join()).toBe(true);
      expect(() => { large.join(); }).toThrow(withCode('ERR_CANCELLED'));
    });
  });

  it('made with 0 permits counts; with more it cannot overflow', async () => {
    const counting = new Semaphore(0);
    counting.release(2);
    expect(counting.tryAcquire(2)).toBe(true);
    const guarding = new Semaphore(2);
    expect(() => { guarding.release(); }).toThrow(withCode('ERR_OUT_OF_RANGE'));
    expect(() => new Semaphore(-1)).toThrow(withCode('ERR_OUT_OF_RANGE'));
    expect(() => new Semaphore(1.5)).toThrow(withCode('ERR_OUT_OF_RANGE'));
    expect(() => guarding.tryAcquire(0)).toThrow(withCode('ERR_OUT_OF_RANGE'));
    expect(() => { guarding.acquire(); }).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    await spawn(() => { expect(() => { guarding.acquire(3); }).toThrow(withCode('ERR_OUT_OF_RANGE')); });
  });
});

describe('ReadWriteLock', () => {
  it('admits readers together and writers alone, and no coroutine overtakes a writer', async () => {
    const lock = new ReadWriteLock();
    const events: string[] = [];
    const allWait = new Event();
    const inside = (name: string) => () => {
      events.push(`+${name}`);
      allWait.wait();
      yieldNow();
      events.push(`-${name}`);
    };
    const reader = (name: string) => spawn(() => { lock.read(inside(name)); });
    const writer = (name: string) => spawn(() => { lock.write(inside(name)); });
    const all = [reader('r1'), reader('r2'), writer('w1'), reader('r3'), reader('r4'), writer('w2')];
    await spawn(() => {
      all.forEach(untilParked);
      allWait.set();
    });
    await Promise.all(all);
    expect(events).toEqual([
      '+r1', '+r2', '-r1', '-r2', '+w1', '-w1', '+r3', '+r4', '-r3', '-r4', '+w2', '-w2',
    ]);
  });

  it('lets a reader in again while a writer waits, and refuses what could only wait for itself', async () => {
    const lock = new ReadWriteLock();
    await spawn(() => {
      lock.read(() => {
        const writer = spawn(() => { lock.write(() => undefined); });
        yieldNow();
        expect(lock.read(() => 1)).toBe(1);
        expect(() => lock.write(() => 1)).toThrow(withCode('ERR_LOCK_RECURSIVE'));
        expect(writer.parkedOn).toBe('readWriteLock.write');
      });
      lock.write(() => {
        expect(() => lock.write(() => 1)).toThrow(withCode('ERR_LOCK_RECURSIVE'));
        expect(() => lock.read(() => 1)).toThrow(withCode('ERR_LOCK_RECURSIVE'));
      });
    });
    expect(() => lock.read(() => 1)).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
  });

  it('lets readers in when the writer before them gives up', async () => {
    const lock = new ReadWriteLock();
    await spawn(() => {
      lock.read(() => {
        const writer = spawn(() => { lock.write(() => undefined); });
        const reader = spawn(() => lock.read(() => 'in'));
        yieldNow();
        expect(reader.state).toBe('parked');
        writer.cancel();
        expect(() => { writer.join(); }).toThrow(withCode('ERR_CANCELLED'));
        expect(reader.join()).toBe('in');
      });
    });
  });
});

describe('Event', () => {
  it('lets all who wait go on, even if it is reset at once', async () => {
    const event = new Event();
    const all = [1, 2, 3].map((n) => spawn(() => { event.wait(); return n; }));
    setTimeout(function look() {
      if (!all.every((c) => c.state === 'parked')) {
        setTimeout(look, 1);
        return;
      }
      event.set();
      event.reset();
    }, 1);
    expect(await Promise.all(all)).toEqual([1, 2, 3]);
    expect(event.isSet).toBe(false);
    event.set();
    expect(await spawn(() => { event.wait(); return event.isSet; })).toBe(true);
  });
});

describe('WaitGroup', () => {
  it('waits until nothing is under way, again and again', async () => {
    const group = new WaitGroup();
    await spawn(() => {
      group.wait();
      for (let round = 0; round < 2; round++) {
        let finished = 0;
        group.add(3);
        for (let i = 0; i < 3; i++) spawn(() => { sleep(i); finished++; group.done(); });
        group.wait();
        expect(finished).toBe(3);
        expect(group.pending).toBe(0);
      }
      expect(() => { group.done(); }).toThrow(withCode('ERR_OUT_OF_RANGE'));
      expect(() => { group.add(0.5); }).toThrow(withCode('ERR_OUT_OF_RANGE'));
      expect(group.pending).toBe(0);
    });
  });
});

describe('Barrier', () => {
  it('tells each in which place it came, and can be used again', async () => {
    const barrier = new Barrier(3);
    const all = [0, 1, 2].map(() => spawn(() => [barrier.wait(), barrier.wait()]));
    const places = await Promise.all(all);
    for (const round of [0, 1]) expect(places.map((p) => p[round]).sort()).toEqual([0, 1, 2]);
    expect(() => new Barrier(0)).toThrow(withCode('ERR_OUT_OF_RANGE'));
  });

  it('does not count one that gave up', async () => {
    const barrier = new Barrier(2);
    await spawn(() => {
      const first = spawn(() => barrier.wait());
      yieldNow();
      first.cancel();
      // Cancelled, but still in the queue: it must not count.
      const second = spawn(() => barrier.wait());
      yieldNow();
      yieldNow();
      expect(second.state).toBe('parked');
      expect(barrier.waiting).toBe(1);
      expect(barrier.wait()).toBe(1);
      expect(second.join()).toBe(0);
      expect(() => first.join()).toThrow(withCode('ERR_CANCELLED'));
    });
  });
});

describe('Condition', () => {
  it('unlocks while it waits, and notifies in order', async () => {
    const mutex = new Mutex();
    const changed = new Condition(mutex);
    const queue: number[] = [];
    const got: string[] = [];
    await spawn(() => {
      const consumers = [1, 2, 3].map((n) => spawn(() => {
        using _lock = mutex.lock();
        while (queue.length === 0) changed.wait();
        got.push(`${n}:${queue.shift()}`);
      }));
      yieldNow();
      expect(consumers[0]!.parkedOn).toBe('condition.wait');
      for (const value of [10, 20]) {
        using _lock = mutex.lock();
        queue.push(value);
        changed.notify();
      }
      consumers[0]!.join();
      consumers[1]!.join();
      queue.push(30);
      changed.notifyAll();
      consumers[2]!.join();
    });
    expect(got).toEqual(['1:10', '2:20', '3:30']);
  });

  it('given up, has the mutex again', async () => {
    const mutex = new Mutex();
    const changed = new Condition(mutex);
    await spawn(() => {
      let error: unknown;
      const waiter = spawn(() => {
        const lock = mutex.lock();
        try {
          changed.wait();
        } catch (e) {
          error = e;
        }
        expect(mutex.locked).toBe(true);
        lock[Symbol.dispose]();
      });
      yieldNow();
      mutex.withLock(() => {
        waiter.cancel();
        sleep(1);
        expect(error).toBe(undefined);
      });
      waiter.join();
      expect(error).toEqual(withCode('ERR_CANCELLED'));
      mutex.withLock(() => {
        expect(() => { timeout(1, () => { changed.wait(); }); }).toThrow(withCode('ERR_TIMEOUT'));
        expect(mutex.locked).toBe(true);
      });
    });
  });

  it('reports waiting without the lock', async () => {
    const mutex = new Mutex();
    const changed = new Condition(mutex);
    expect(() => new Condition({} as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    expect(() => { changed.wait(); }).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    await spawn(() => {
      expect(() => { changed.wait(); }).toThrow(withCode('ERR_LOCK_NOT_OWNED'));
      mutex.withLock(() => {
        spawn(() => { expect(() => { changed.wait(); }).toThrow(withCode('ERR_LOCK_NOT_OWNED')); }).join();
      });
      changed.notify();
      changed.notifyAll();
    });
  });
});

describe('all of them', () => {
  it('refuse to begin, even where no wait is needed, when cancelled, aborted or in an atomic section', async () => {
    const aborted = { signal: AbortSignal.abort(new Error('aborted before')) };
    const calls: ((options?: ParkOptions) => unknown)[] = [
      (options) => new Mutex().lock(options),
      (options) => new Mutex().withLock(() => 1, options),
      (options) => { new Semaphore(1).acquire(1, options); },
      (options) => new ReadWriteLock().read(() => 1, options),
      (options) => new ReadWriteLock().write(() => 1, options),
      (options) => { const event = new Event(); event.set(); event.wait(options); },
      (options) => { new WaitGroup().wait(options); },
      (options) => new Barrier(1).wait(options),
      (options) => { new Channel(1).send(1, options); },
      (options) => { const channel = new Channel(1); channel.trySend(1); channel.receive(options); },
      (options) => select([otherwise], options),
    ];
    await spawn(() => {
      for (const call of calls) {
        call();
        expect(() => atomic(() => call())).toThrow(withCode('ERR_ATOMIC_SECTION'));
        expect(() => call(aborted)).toThrow('aborted before');
      }
      const victim: Coroutine = spawn(() => {
        victim.cancel();
        for (const call of calls) expect(() => call()).toThrow(withCode('ERR_CANCELLED'));
      });
      victim.join();
    });
  });
});
