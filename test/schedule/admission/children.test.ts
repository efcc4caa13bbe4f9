import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

import { runChild } from '../../support/child.js';

/** The answer of test/children/admission_descriptors.mjs with 160 descriptors. */
async function withFew(admission: 'on' | 'off'): Promise<{ failed: number; served: number; waited: boolean }> {
  const child = fileURLToPath(new URL('../../children/admission_descriptors.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'ulimit -n 160 && exec "$0" "$1" "$2"', process.execPath, child, admission]);
  return JSON.parse(stdout) as { failed: number; served: number; waited: boolean };
}

describe('descriptors', () => {
  it('do not run out', async () => {
    expect(await withFew('on')).toEqual({ failed: 0, served: 100, waited: true });
  });

  it('run out without', async () => {
    const { failed, served, waited } = await withFew('off');
    expect(failed).toBeGreaterThan(0);
    expect([served, waited]).toEqual([100, false]);
  });
});

describe('the end of a thread in which coroutines are held', () => {
  it.each(['worker', 'process'])('of a %s', async (which) => {
    expect(await runChild('admission_ends.mjs', [which])).toEqual({ exit: 0, stdout: 'true\n', stderr: '' });
  });
});
