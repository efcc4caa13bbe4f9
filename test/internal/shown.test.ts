import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';

import type {
  DeadlockError} from 'stackful';
import {
  Channel,
  configure,
  Event,
  LockOwnerError,
  Mutex,
  ReadWriteLock,
  RecursiveLockError,
  scope,
  Semaphore,
  sleep,
  spawn,
  timeout,
  yieldNow,
} from 'stackful';

import { runChild } from '../support/child.js';

describe('console.log', () => {
  it('of a coroutine shows what a user knows of it', async () => {
    const c = spawn(() => { sleep(1e6); }, { name: 'sleeper' });
    const { id } = c;
    await spawn(() => { yieldNow(); });
    expect(inspect(c)).toBe(`Coroutine #${String(id)} sleeper { state: 'parked', parkedOn: 'sleep 1e+06ms' }`);
    expect(inspect({ deep: { er: { and: { deeper: c } } } }, { depth: 2 })).toContain('[Object]');
    expect(inspect({ c }, { depth: 0 })).toBe(`{ c: [Coroutine #${String(id)} sleeper] }`);
    c.cancel();
    await expect(c).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    expect(inspect(c)).toBe(`Coroutine #${String(id)} sleeper { state: 'done' }`);
  });

  it('of locks and channels shows their names, holders and states', async () => {
    const mutex = new Mutex({ name: 'accounts' });
    expect(inspect(mutex)).toMatch(/^Mutex #\d+ accounts, not held$/);
    await spawn(() => mutex.withLock(() => { expect(inspect(mutex)).toMatch(/^Mutex #\d+ accounts held by #\d+ holder$/); }), { name: 'holder' });
    expect(inspect(new Semaphore(3, { name: 'places' }))).toMatch(/^Semaphore #\d+ places \{ available: 3 \}$/);
    expect(inspect(new Channel(10, { name: 'jobs' }))).toMatch(/^Channel #\d+ jobs \{ length: 0, capacity: 10, closed: false \}$/);
    expect(inspect(new Event())).toMatch(/^Event #\d+ \{ isSet: false \}$/);
    expect(mutex.name).toBe('accounts');
  });

  it('of errors does not show the insides of what they name', async () => {
    const deadlock: DeadlockError = await spawn(() => {
      const a = spawn(() => { yieldNow(); b.join(); }, { name: 'a' });
      const b = spawn(() => { a.join(); }, { name: 'b' });
      try { b.join(); } catch (error) { return error as DeadlockError; }
      throw new Error('no deadlock');
    });
    expect(inspect(deadlock)).toMatch(/coroutines: \[\s*Coroutine #\d+ [ab] \{/);
    expect(inspect(deadlock)).not.toMatch(/joiners|givenName|waitsFor/);
    const cancelled: unknown = await spawn(() => {
      try {
        scope((s) => { s.cancel(); sleep(1); });
      } catch (error) {
        return error;
      }
      return undefined;
    });
    expect(inspect(cancelled)).not.toContain('children');
  });
});

describe('errors of locks', () => {
  it('name the lock and its holder', async () => {
    const mutex = new Mutex({ name: 'accounts' });
    expect(() => { mutex.unlock(); }).toThrow(/^mutex\.unlock: Mutex #\d+ accounts is not locked$/);
    const over = new Event();
    const holder = spawn(() => mutex.withLock(() => {
      expect(() => mutex.lock()).toThrow(RecursiveLockError);
      expect(() => mutex.lock()).toThrow(/^mutex\.lock: this coroutine holds Mutex #\d+ accounts already$/);
      over.wait();
    }), { name: 'holder' });
    await spawn(() => {
      yieldNow();
      expect(() => { mutex.unlock(); }).toThrow(/^mutex\.unlock: coroutine #\d+ holder has locked Mutex #\d+ accounts$/);
      expect(() => timeout(1, () => mutex.lock())).toThrow(
        /^mutex\.lock timed out: .* 1 ms of its timeout, waiting for Mutex #\d+ accounts held by #\d+ holder$/,
      );
      over.set();
    });
    await holder;
    await spawn(() => { mutex.lock(); }, { name: 'forgetful' });
    await spawn(() => {
      expect(() => mutex.lock()).toThrow(LockOwnerError);
      expect(() => mutex.lock()).toThrow(/^mutex\.lock: coroutine #\d+ forgetful has locked Mutex #\d+ accounts and ended without unlocking it$/);
      const lock = new ReadWriteLock({ name: 'index' });
      expect(() => lock.read(() => { lock.write(() => undefined); })).toThrow(/^readWriteLock\.write: this coroutine holds ReadWriteLock #\d+ index already$/);
    });
  });
});

describe('an uncaught error', () => {
  it('names the coroutine, and where it was spawned or how to find out', async () => {
    const plain = await runChild('uncaught.mjs');
    expect(plain.exit).toBe(1);
    expect(plain.stderr).toMatch(/Error: unheard\n( {4}at .*\n)+ {4}at coroutine #\d+ worker \[configure\(\{ spawnSites: true \}\) tells where it was spawned\]/);
    const recorded = await runChild('uncaught.mjs', ['sites']);
    expect(recorded.exit).toBe(1);
    expect(recorded.stderr).toMatch(/ {4}at spawn .*start .*uncaught\.mjs:\d+:\d+.*\n {4}at coroutine #\d+ worker\n/);
  });

  it('whose stack cannot be read ends the coroutine all the same', async () => {
    const result = await runChild('uncaught.mjs', ['unreadable']);
    expect(result).toMatchObject({ exit: 0, stdout: 'unheard\n', stderr: '' });
  });

  it('that reaches a handler stays as it is', async () => {
    configure({ spawnSites: false });
    const error = new Error('heard');
    const { stack } = error;
    await expect(spawn(() => { throw error; })).rejects.toBe(error);
    await spawn(() => { expect(() => { spawn(() => { throw error; }).join(); }).toThrow('heard'); });
    expect(error.stack).toBe(stack);
  });
});
