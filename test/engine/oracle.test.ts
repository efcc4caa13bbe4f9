import { describe, expect, it } from 'vitest';

import { buildAddon } from '../support/addon.js';
import { runChild } from '../support/child.js';

describe('the engine beside V8’s own way of switching threads', () => {
  it('gives the same values in the same order', async () => {
    const result = await runChild('oracle.mjs', [await buildAddon('oracle')]);
    expect(result).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^ok \d+\n$/) as string });
  }, 120_000);
});
