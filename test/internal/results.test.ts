import { describe, expect, it } from 'vitest';

import { native } from '../../lib/internal/native.js';
import * as results from '../../lib/internal/results.js';

describe('result codes', () => {
  it('are numbers of one meaning each, none of them of a system error', () => {
    const numbers = Object.values(native.resultCodes);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.every((number) => Number.isInteger(number) && number < results.LAST_ERRNO)).toBe(true);
  });

  it('are the numbers that JavaScript compares with', () => {
    expect(Object.entries(results).filter(([, number]) => !Number.isInteger(number))).toEqual([]);
    expect(results).toMatchObject({ NOT_IN_COROUTINE: -10001, EBADF: -9, ECANCELED: -125, ETIMEDOUT: -110 });
  });

  it('carry the failed system call of a whole file, which is of another range', () => {
    // See FILE_CALLS in lib/fs/native.ts.
    expect(Math.min(...Object.values(native.resultCodes))).toBeGreaterThan(-100_000);
  });
});
