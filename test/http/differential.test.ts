import { describe, expect, it } from 'vitest';
import 'stackful';
import { DELIBERATE, deliberate } from '../fuzz/deliberate.js';
import { compare } from '../fuzz/differences.js';
import { CORPUS, mutated } from '../fuzz/requests.js';

describe('the parser and llhttp', () => {
  it('agree about ordinary requests', () => {
    for (const text of CORPUS) expect(compare(text), text).toBeUndefined();
  });

  // `npm run fuzz` goes on for longer, with another seed each time.
  it('part only where that is meant', () => {
    const found = new Set<string>();
    for (let index = 0; index < 100_000; index++) {
      const difference = compare(mutated(1, index));
      if (!difference) continue;
      const known = deliberate(difference);
      expect(known, JSON.stringify(difference)).toBeDefined();
      found.add(known!.name);
    }
    // The mutations still reach the cases that they are for.
    expect(found.size).toBeGreaterThan(DELIBERATE.length / 2);
  });
});
