import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';

import { NotInCoroutineError, sleep, spawn, timeout, TimeoutError, waitCallback } from 'stackful';

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
