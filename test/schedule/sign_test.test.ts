import { describe, expect, it } from 'vitest';

import { atLeast, SignTest } from '../../lib/schedule/sign_test.js';

describe('the sign test', () => {
  it('knows the binomial distribution', () => {
    expect(atLeast(0, 5)).toBe(1);
    expect(atLeast(5, 5)).toBe(1 / 32);
    expect(atLeast(3, 4)).toBe(5 / 16);
    expect(atLeast(33, 64)).toBeCloseTo((1 - 0.099346753747) / 2, 10);
  });

  it('calls five of five below poor, and three of three above good', () => {
    const test = new SignTest();
    expect([1, 2, 3, 4, 5].map(() => test.add(true))).toEqual([undefined, undefined, undefined, undefined, 'poor']);
    expect([1, 2, 3].map(() => test.add(false))).toEqual([undefined, undefined, 'good']);
  });

  it('calls three of four poor in time, and one of four good', () => {
    const verdictOf = (...pattern: boolean[]): string => {
      const test = new SignTest();
      for (let i = 0; ; i++) {
        const verdict = test.add(pattern[i % pattern.length]!);
        if (verdict) return verdict;
      }
    };
    expect(verdictOf(true, true, false, true)).toBe('poor');
    expect(verdictOf(true, false, false, false)).toBe('good');
  });

  it('begins anew where there is no verdict for long', () => {
    const test = new SignTest();
    // As many below as above, with the first two above, which are no verdict yet.
    const verdicts = Array.from({ length: 64 }, (_, i) => test.add(i % 4 === 1 || i % 4 === 2));
    expect(verdicts).toEqual(verdicts.map(() => undefined));
    expect([1, 2, 3].map(() => test.add(false))).toEqual([undefined, undefined, 'good']);
  });
});
