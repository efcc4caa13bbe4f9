import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { runNodeGyp } from '../../scripts/addon.mjs';
import { runChild } from '../support/child.js';

const source = fileURLToPath(new URL('../oracle', import.meta.url));
// node-gyp only builds into ./build, so every Node has a copy of its own.
const directory = fileURLToPath(new URL(`../../.cache/oracle/${process.versions.modules}`, import.meta.url));

describe('the engine beside V8’s own way of switching threads', () => {
  it('gives the same values in the same order', async () => {
    cpSync(source, directory, { recursive: true, preserveTimestamps: true });
    const { code, output } = await runNodeGyp({ directory, args: ['configure', 'build'], quiet: true });
    expect(code, output).toBe(0);
    const result = await runChild('oracle.mjs', [`${directory}/build/Release/oracle.node`]);
    expect(result).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^ok \d+\n$/) as string });
  }, 120_000);
});
