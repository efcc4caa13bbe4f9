import { describe, expect, it } from 'vitest';

import { native } from '../../lib/internal/native.js';
import * as results from '../../lib/internal/results.js';

describe('result codes', () => {
  it('are numbers of one meaning each, none of them of a system error', () => {
    const numbers = Object.values(native.resultCodes);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.every((number) => Number.isInteger(number) && results.isInterruption(number))).toBe(true);
  });

  it('are the numbers that JavaScript compares with', () => {
    expect(Object.entries(results).filter(([, value]) => typeof value !== 'function' && !Number.isInteger(value))).toEqual([]);
    expect(results).toMatchObject({ NOT_IN_COROUTINE: -10001, EBADF: -9, ECANCELED: -125, ETIMEDOUT: -110 });
  });

  it('are told from the answers of the system', () => {
    expect([0, 5, results.EBADF, results.ETIMEDOUT, -4095].filter(results.isInterruption)).toEqual([]);
    expect([results.ECANCELED, -4096, results.LIMIT_TIMED_OUT].every(results.isInterruption)).toBe(true);
  });

  it('carry the failed system call of a whole file, which is of another range', () => {
    // See FILE_CALLS in lib/fs/native.ts.
    expect(Math.min(...Object.values(native.resultCodes))).toBeGreaterThan(-100_000);
  });
});
