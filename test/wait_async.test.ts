import { EventEmitter, getEventListeners } from 'node:events';
import * as fs from 'node:fs';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, sleep, spawn, timeout, TimeoutError, wait, waitCallback, waitEach, waitOnce } from 'stackful';

const never = new Promise<never>(() => undefined);

describe('waitEach', () => {
  async function* count(to: number, closed: string[], delay = false) {
    try {
      for (let i = 0; i < to; i++) {
        if (delay) await new Promise((resolve) => setTimeout(resolve, 0.1));
        yield i;
      }
    } finally {
      await Promise.resolve();
      closed.push('closed');
    }
  }

  it('gives every value in turn, and closes the iterator once, however the loop ends', async () => {
    await spawn(() => {
      for (const delay of [false, true]) {
        const closed: string[] = [];
        expect([...waitEach(count(4, closed, delay))]).toEqual([0, 1, 2, 3]);
        expect(closed).toEqual(['closed']);
        for (const n of waitEach(count(4, closed, delay))) if (n === 2) break;
        expect(closed.length).toBe(2);
        expect(() => { for (const _ of waitEach(count(4, closed, delay))) throw new Error('mine'); }).toThrow('mine');
        expect(closed.length).toBe(3);
      }
    });
  });

  it('takes streams', async () => {
    await spawn(() => {
      expect([...waitEach(Readable.from(['a', 'b']))]).toEqual(['a', 'b']);
      const stream = fs.createReadStream('package.json', { encoding: 'utf8', highWaterMark: 100 });
      expect([...waitEach(stream as AsyncIterable<string>)].join('')).toBe(fs.readFileSync('package.json', 'utf8'));
      const left = fs.createReadStream('package.json', { highWaterMark: 100 });
      for (const _ of waitEach(left)) break;
      expect(left.destroyed).toBe(true);
      expect(() => [...waitEach(fs.createReadStream('/nowhere'))]).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    });
  });

  it('throws what the iterator rejects with, and does not close what is over', async () => {
    let returns = 0;
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new Error('inner')),
        return: () => { returns++; return Promise.resolve({ done: true as const, value: undefined }); },
      }),
    };
    await spawn(() => { expect(() => [...waitEach(source)]).toThrow('inner'); });
    expect(returns).toBe(0);
  });

  it('given up, closes the iterator without waiting for it', async () => {
    let returns = 0;
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => never,
        return: () => { returns++; return never; },
      }),
    };
    await spawn(() => {
      expect(() => timeout(1, () => [...waitEach(source)])).toThrow(TimeoutError);
      const { signal } = { signal: AbortSignal.timeout(1) };
      expect(() => [...waitEach(source, { signal })]).toThrow(expect.objectContaining({ name: 'TimeoutError' }));
      sleep(0.1);
    });
    expect(returns).toBe(2);
  });

  it('refuses what is none', async () => {
    await spawn(() => {
      expect(() => [...waitEach([1] as never)]).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    });
  });
});

describe('waitOnce', () => {
  it('returns the arguments of the event, and leaves no listener', async () => {
    const emitter = new EventEmitter();
    await spawn(() => {
      setImmediate(() => emitter.emit('go', 1, 'two'));
      expect(waitOnce(emitter, 'go')).toEqual([1, 'two']);
      setImmediate(() => emitter.emit('error', new Error('wanted')));
      expect(waitOnce(emitter, 'error')).toEqual([new Error('wanted')]);
      setImmediate(() => emitter.emit('error', new Error('unwanted')));
      expect(() => waitOnce(emitter, 'go')).toThrow('unwanted');
      expect(() => timeout(1, () => waitOnce(emitter, 'go'))).toThrow(TimeoutError);
      const controller = new AbortController();
      setImmediate(() => { controller.abort(new Error('enough')); });
      expect(() => waitOnce(emitter, 'go', { signal: controller.signal })).toThrow('enough');
      expect(() => waitOnce(emitter, 'go', { signal: controller.signal })).toThrow('enough');
    });
    expect(emitter.eventNames()).toEqual([]);
  });

  it('takes event targets, and refuses the rest', async () => {
    const target = new EventTarget();
    await spawn(() => {
      setImmediate(() => target.dispatchEvent(new Event('go')));
      expect((waitOnce(target, 'go')[0] as Event).type).toBe('go');
      expect(getEventListeners(target, 'go')).toEqual([]);
      expect(() => waitOnce({} as never, 'go')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    });
    expect(() => waitOnce(target, 'go')).toThrow(NotInCoroutineError);
  });
});

describe('waitCallback', () => {
  it('returns the value, throws the error, now or later', async () => {
    await spawn(() => {
      expect(waitCallback<fs.Stats>((done) => { fs.stat('.', done); }).isDirectory()).toBe(true);
      expect(() => waitCallback((done) => { fs.stat('/nowhere', done); })).toThrow(expect.objectContaining({ code: 'ENOENT' }));
      expect(waitCallback<number>((done) => { done(null, 1); done(null, 2); })).toBe(1);
      expect(waitCallback((done) => { setImmediate(done); })).toBeUndefined();
      expect(() => waitCallback(() => { throw new Error('start'); })).toThrow('start');
    });
    expect(() => waitCallback(() => undefined)).toThrow(NotInCoroutineError);
  });

  it('given up, is not touched by a late callback', async () => {
    await spawn(() => {
      let late!: () => void;
      expect(() => timeout(1, () => waitCallback((done) => { late = () => { done(null); }; }))).toThrow(TimeoutError);
      setImmediate(late);
      const began = performance.now();
      sleep(3);
      expect(performance.now() - began).toBeGreaterThanOrEqual(2.9);
    });
  });
});

describe('wait for what is there already', () => {
  it('lets others run all the same', async () => {
    let done = false;
    let turns = 0;
    const busy = spawn(() => { const one = Promise.resolve(1); while (!done) turns += wait(one); });
    await spawn(() => { sleep(0.1); sleep(0.1); done = true; });
    await busy;
    expect(turns).toBeGreaterThan(0);
    // Host timers as well.
    done = false;
    const again = spawn(() => { while (!done) wait(Promise.resolve()); });
    await new Promise((resolve) => setTimeout(resolve, 5));
    done = true;
    await again;
  });
});

describe('outside a coroutine', () => {
  it('the error says whether it is the main stack or a promise callback', async () => {
    const messageOf = (fn: () => unknown) => {
      try { fn(); } catch (error) { return (error as Error).message; }
      return expect.unreachable();
    };
    const main = () => messageOf(() => { sleep(1); });
    await new Promise<void>((resolve) => {
      setImmediate(() => { expect(main()).toMatch(/sleep .*main stack.*spawn/); resolve(); });
    });
    expect(await Promise.resolve().then(main)).toMatch(/sleep .*promise callbacks.*await.*spawn/);
    // An async function that a coroutine calls runs in it up to its first await, and outside from there.
    await spawn(() => {
      const seen: string[] = [];
      wait((async () => {
        sleep(0.1);
        await Promise.resolve();
        seen.push(main());
      })());
      expect(seen[0]).toMatch(/promise callbacks/);
    });
  });
});
