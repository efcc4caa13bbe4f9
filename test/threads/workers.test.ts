/** What only threads in several workers can show. */

import { describe, expect, it } from 'vitest';

import { SharedChannel, sleep } from 'stackful';
import { inCoroutine } from 'stackful/embed';
import { CANCELED, create, Mutex, over } from 'stackful/threads';

import { runChild } from '../support/child.js';

const parts = new URL('./programs/parts.mjs', import.meta.url);
const withCode = (code: string) => expect.objectContaining({ code }) as never;
const threads = over('workers');
const { join, cancel } = threads;
const start = (entry: string, arg: object = {}) => threads.create(parts, arg, { entry });

describe('a cancellation reaches a thread in a worker', () => {
  it.each(['sleepsLong', 'computesLong', 'waitsFor', 'locks'])('that %s', inCoroutine((entry: string) => {
    const [mutex, condition] = [new threads.Mutex(), new threads.Condition()];
    const [began, cleaned] = [new threads.Semaphore(), new threads.Semaphore()];
    if (entry === 'locks') mutex.lock();
    const thread = start(entry, { mutex, condition, began, cleaned });
    began.wait();
    cancel(thread);
    expect(join(thread)).toBe(CANCELED);
    expect(() => { cancel(thread); }).toThrow(withCode('ESRCH'));
    if (entry === 'sleepsLong') expect(cleaned.value).toBe(1);
    // Whatever it held, or was about to get, is free.
    if (entry === 'locks') mutex.unlock();
    mutex.withLock(() => undefined);
    condition.destroy();
  }));
});

describe('a lock whose worker ends', () => {
  it.each([['returned', 'locksAndReturns'], ['called process.exit', 'locksAndLeaves']])('because its thread %s is abandoned',
    inCoroutine((_how: string, entry: string) => {
      const mutex = new threads.Mutex();
      const began = new threads.Semaphore();
      mutex.lock();
      const holder = start(entry, { mutex });
      const waiter = start('locks', { mutex, began });
      began.wait();
      mutex.unlock();
      if (entry === 'locksAndReturns') join(holder);
      else expect(() => join(holder)).toThrow(expect.objectContaining({ code: 'ERR_THREAD_DIED', exitCode: 4 }));
      // The waiter came before the holder, or it is told.
      try {
        join(waiter);
      } catch (error) {
        expect(error).toMatchObject({ code: 'EOWNERDEAD', name: 'ThreadError' });
      }
      expect(() => { mutex.lock(); }).toThrow(withCode('EOWNERDEAD'));
      mutex.consistent();
      mutex.unlock();
    }));

  it('while it waits to write lets readers in', inCoroutine(() => {
    const lock = new threads.ReadWriteLock();
    const began = new threads.Semaphore();
    lock.readLock();
    const writer = start('waitsToWriteAndLeaves', { lock, began });
    began.wait();
    const held = create(() => lock.timedReadLock(1) && (lock.unlock(), true));
    join(held);
    expect(() => join(writer)).toThrow(withCode('ERR_THREAD_DIED'));
    const reader = create(() => { lock.readLock(); lock.unlock(); return 'read'; });
    expect(join(reader)).toBe('read');
    lock.unlock();
  }));
});

describe('what one worker holds, another sees', () => {
  const tries = (object: object, ...calls: unknown[][]) => join(start('tries', { object, calls }));

  it('of a mutex', inCoroutine(() => {
    const mutex = new threads.Mutex({ type: 'recursive' });
    mutex.lock();
    mutex.lock();
    const calls = [['tryLock'], ['timedLock', 1], ['unlock'], ['destroy'], ['consistent']];
    expect(tries(mutex, ...calls)).toEqual([false, false, 'EPERM', 'EBUSY', 'EINVAL']);
    mutex.unlock();
    mutex.unlock();
    expect(tries(mutex, ['tryLock'], ['tryLock'], ['unlock'], ['unlock'], ['unlock'])).toEqual([true, true, undefined, undefined, 'EPERM']);
    mutex.destroy();
    expect(tries(mutex, ['lock'], ['destroy'])).toEqual(['EINVAL', 'EINVAL']);
  }));

  it('of a read-write lock', inCoroutine(() => {
    const lock = new threads.ReadWriteLock();
    lock.readLock();
    expect(tries(lock, ['tryReadLock'], ['writeLock'], ['unlock'], ['tryWriteLock'], ['unlock'], ['destroy']))
      .toEqual([true, 'EDEADLK', undefined, false, 'EPERM', 'EBUSY']);
    lock.unlock();
    lock.writeLock();
    expect(tries(lock, ['tryReadLock'], ['timedReadLock', 1], ['timedWriteLock', 1], ['unlock'])).toEqual([false, false, false, 'EPERM']);
    lock.unlock();
  }));

  it('of a semaphore, a barrier and a condition', inCoroutine(() => {
    const semaphore = new threads.Semaphore(1);
    expect(tries(semaphore, ['tryWait'], ['tryWait'], ['post'], ['post'])).toEqual([true, false, undefined, undefined]);
    expect(semaphore.value).toBe(2);
    const barrier = new threads.Barrier(2);
    const other = start('tries', { object: barrier, calls: [['wait'], ['wait']] });
    const told = [barrier.wait(), barrier.wait()];
    expect((join(other) as boolean[]).map((one, round) => one !== told[round])).toEqual([true, true]);
    const condition = new threads.Condition();
    expect(tries(condition, ['signal'], ['broadcast'], ['destroy'], ['signal'])).toEqual([undefined, undefined, undefined, 'EINVAL']);
  }));
});

describe('a worker', () => {
  it('that ends by an uncaught error makes its thread fail with that', inCoroutine(() => {
    expect(() => join(start('failsAside'))).toThrow(expect.objectContaining({ message: 'aside' }));
  }));

  it('in which nothing can wake the thread ends', inCoroutine(() => {
    expect(() => join(start('waitsForEver'))).toThrow(/nothing was left that could wake the thread/);
  }));

  it('runs several threads over coroutines besides its own', inCoroutine(() => {
    const mutex = new threads.Mutex();
    const sum = new Int32Array(new SharedArrayBuffer(4));
    const adders = [1, 2].map(() => start('addsWithHelpers', { mutex, sum }));
    for (const thread of adders) join(thread);
    expect(sum[0]).toBe(2 * 3 * 20);
  }));

  it('detaches its own thread', inCoroutine(() => {
    const thread = start('detachesItself');
    while (thread.ending!.state !== 'done') sleep(1);
    expect(() => join(thread)).toThrow(withCode('EINVAL'));
  }));

  it('shares a once, a barrier and names with others', inCoroutine(() => {
    const once = new threads.Once();
    const calls = new Int32Array(new SharedArrayBuffer(4));
    for (const thread of [1, 2, 3].map(() => start('callsOnce', { once, calls }))) join(thread);
    expect([calls[0], once.done]).toEqual([1, true]);
  }));
});

describe('what is passed to a worker', () => {
  it('arrives as what it is, and one object as one', inCoroutine(() => {
    const thread = threads.create(parts, {}, { entry: 'sleepsLong', name: 'sleeper' });
    const mutex = new threads.Mutex({ type: 'recursive', name: 'm' });
    const passed = { thread, again: thread, list: [mutex], mutex };
    expect(join(start('describesPassed', passed))).toEqual({ same: true, id: thread.id, name: 'sleeper', type: 'recursive' });
    expect(() => join(start('joins', { thread }))).toThrow(withCode('ENOTSUP'));
    join(start('cancels', { thread }));
    expect(join(thread)).toBe(CANCELED);
  }));

  it('may be a channel, in both directions', inCoroutine(() => {
    const channel = new SharedChannel<number>(5, { name: 'c' });
    const passed = join(start('doubles', { channel })) as { channel: SharedChannel<number> };
    expect([channel.receive(), passed.channel.receive(), passed.channel.name, passed.channel.capacity]).toEqual([2, 4, 'c', 5]);
  }));

  it('cannot be what is over coroutines, nor what cannot be copied', inCoroutine(() => {
    for (const arg of [{ deep: [new Mutex()] }, new Map([[1, create(() => 1)]])]) {
      expect(() => start('echo', arg)).toThrow(withCode('ERR_INVALID_ARG_VALUE'));
    }
    expect(() => start('echo', { f: () => 1 })).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
    expect(() => join(start('returnsFunction'))).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
  }));

  it('may be of a class that is copied in its own way', inCoroutine(() => {
    const passed = [new Date(5), /x/g, new Uint8Array([1, 2]), new Set([1n]), null, undefined];
    expect(join(start('echo', passed))).toEqual(passed);
    const named = JSON.parse('{ "__proto__": { "a": 1 } }') as object;
    expect(Object.keys(join(start('echo', named)) as object)).toEqual(['__proto__']);
    const circle: { self?: unknown } = {};
    circle.self = circle;
    const back = join(start('echo', circle)) as typeof circle;
    expect(back.self).toBe(back);
  }));
});

describe('the process', () => {
  it.each([
    ['exits while threads of it wait', 'exits', { exit: 5, stdout: 'waiting\n' }],
    ['lives until a detached thread has ended', 'detached', { exit: 0, stdout: 'main has ended\nthe detached thread has ended\n' }],
    ['ends by the failure of a thread that is not joined', 'unheard', { exit: 1, stdout: '' }],
    ['ends by an error in a worker after the end of its thread', 'late', { exit: 1, stdout: 'joined\n' }],
    ['stays alive while a thread waits for a lock in shared memory', 'lockedOut', { exit: 0, stdout: 'got the lock\n' }],
  ])('%s', async (_what, scenario, expected) => {
    const { exit, stdout, stderr } = await runChild('threads.mjs', [scenario]);
    expect({ exit, stdout }, stderr).toEqual(expected);
  });
});

