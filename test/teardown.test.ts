import { describe, expect, it } from 'vitest';

import { runChild } from './support/child.js';

describe('the process ends cleanly', () => {
  for (const where of ['coroutine', 'main', 'promise', 'exit-listener', 'uncaught', 'unhandled']) {
    it(`by process.exit: ${where}`, async () => {
      expect(await runChild('exit.mjs', [where])).toEqual({ exit: 7, stdout: '', stderr: '' });
    });
  }

  it('by itself when nothing can wake the coroutines that are left', async () => {
    expect(await runChild('exit.mjs', ['quietly'])).toEqual({ exit: 0, stdout: '', stderr: '' });
  });
});

describe('workers', () => {
  it('can be terminated in the middle of a switch, a throw, a call', { timeout: 130_000 }, async () => {
    expect(await runChild('terminations.mjs', [100])).toEqual({ exit: 0, stdout: 'ok 100 terminated\n', stderr: '' });
  });

  it('end with parked and running coroutines, terminated or not, and leave no descriptors behind', async () => {
    const result = await runChild('workers.mjs', [48]);
    expect(result).toMatchObject({ exit: 0, stderr: '' });
    expect(result.stdout).toMatch(/^ok (-?\d+)\n$/);
    expect(Number(result.stdout.slice(3))).toBeLessThanOrEqual(1);
  });
});
