import * as fs from 'node:fs';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';

import { sleep, spawn, timeout, TimeoutError, waitEach } from 'stackful';

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
