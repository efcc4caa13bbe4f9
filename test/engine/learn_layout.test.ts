import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { addonFile } from '../../scripts/addon_file.mjs';
import { blocks, numbersOf, render } from '../../scripts/learn/blocks.mjs';
import { learn } from '../../scripts/learn/search.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const v8 = process.versions.v8;
const major = Number.parseInt(v8);
const right = numbersOf(major) as Record<string, number>;
const learned = (start: Record<string, number>) =>
  learn({ node: process.execPath, addon: addonFile(root, process), start, known: [], tell: () => undefined });

// A round of trials takes some seconds. From one V8's numbers to another's it is about ten rounds: npm run learn-layout -- --from.
describe('the numbers of v8_layout.h', () => {
  it('are what the search believes, each of them only so', () => {
    // The search looks for the heap's stack start around its number, so a number that is a little wrong does no harm.
    const loose = right.heapStackStartInTarget === 0 ? [] : ['heapStackStartInTarget'];
    expect(learned(right)).toEqual({ found: true, numbers: right, changed: {}, loose });
  });

  it('are found again where one is wrong', () => {
    const wrong = { ...right, isolateWord: right.isolateWord! + 1 };
    expect(learned(wrong)).toMatchObject({ found: true, numbers: right });
  });

  it('come out as a block that reads as they do', () => {
    const text = render({ from: major, node: Number.parseInt(process.versions.node), v8, numbers: right });
    expect(text).toMatch(new RegExp(`^#elif STACKFUL_LAYOUT == ${major}  // Node `));
    blocks[1000] = { node: '0', text };
    expect(numbersOf(1000)).toEqual(right);
    delete blocks[1000];
  });
});
