import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldsOf } from '../../lib/http/fields.js';
import { parseRange } from '../../lib/http/range.js';

/** Strings in which characters that matter to HTTP are likely. */
const text = fc.string({
  unit: fc.oneof(fc.constantFrom('\r', '\n', '\0', ':', ' ', '\t', '\x7f', 'a', 'Z', '-', 'é', 'ÿ', 'č', 'Ċ', '€', '\ud800'), fc.string({ maxLength: 1 })),
  maxLength: 12,
});

describe('response headers', () => {
  it('never become more lines than there are, with any bytes in them', () => {
    fc.assert(
      fc.property(fc.dictionary(text, fc.oneof(text, fc.double(), fc.array(text, { maxLength: 3 }))), (headers) => {
        let lines: string;
        try {
          ({ lines } = fieldsOf(headers));
        } catch (error) {
          expect(['ERR_INVALID_CHAR', 'ERR_INVALID_HTTP_TOKEN', 'ERR_HTTP_FORBIDDEN_HEADER']).toContain((error as { code: string }).code);
          return;
        }
        expect(lines === '' || lines.endsWith('\r\n')).toBe(true);
        for (const line of lines.split('\r\n').slice(0, -1)) {
          // Latin-1 only: of anything else native takes the low byte, which could be a line end.
          expect(line).toMatch(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t\x20-\x7e\x80-\xff]*$/);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('keep what they were when an object is frozen, unless a list is in it', () => {
    const list = ['a'];
    const withList = Object.freeze({ 'X-L': list });
    expect(fieldsOf(withList).lines).toBe('X-L: a\r\n');
    list.push('b');
    expect(fieldsOf(withList).lines).toBe('X-L: a\r\nX-L: b\r\n');
    const frozen = Object.freeze({ 'X-A': 'a' });
    expect(fieldsOf(frozen)).toBe(fieldsOf(frozen));
  });
});

describe('a Range header', () => {
  it('gives a range inside the file, all of it, or nothing', () => {
    const number = fc.oneof(fc.nat({ max: 30 }).map(String), fc.constantFrom('', '00', '99999999999999999999', '-1', '1.5', 'x'));
    fc.assert(
      fc.property(number, number, fc.nat({ max: 20 }), (from, to, size) => {
        const range = parseRange(`bytes=${from}-${to}`, size);
        const valid = /^\d*-\d*$/.test(`${from}-${to}`) && from + to !== '' && !(from !== '' && to !== '' && Number(to) < Number(from));
        if (!valid || size === 0) {
          expect(range).toBeUndefined();
          return;
        }
        const asked = Array.from({ length: size }, (_, i) => i).filter((i) =>
          (from === '' ? i >= size - Number(to) : i >= Number(from) && (to === '' || i <= Number(to))));
        expect(range).toEqual(asked.length === 0 ? null : { first: asked[0], last: asked.at(-1) });
      }),
      { numRuns: 2000 },
    );
  });
});
