import { configure, dump, sleep, spawn, stats } from 'stackful';
import { describe, expect, it } from 'vitest';

import { runChild } from '../support/child.js';

/** Every limit here is the process's or changes what later tests see, so each has a process. */
async function passes(what: string, options: Parameters<typeof runChild>[2] = {}): Promise<void> {
  expect(await runChild('stack_memory.mjs', [what], options)).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
}

describe('stack memory', () => {
  it('has a budget, past which spawn throws and nothing else breaks', () => passes('budget'));
  it('that coroutines give back when they end is there at once', () => passes('released'));
  it('is limited by the number of coroutines, too', () => passes('count'));
  it('reaches to stacks of 64 MiB', () => passes('large', { flags: ['--expose-gc'] }));
  it('does so with any --stack-size', () => passes('large', { flags: ['--expose-gc', '--stack-size=400'] }));
  it('ends in a RangeError at any size', () => passes('overflow'));
  it('comes back when stacks have been shallow for a while', () => passes('shrink'));
  it('is accounted for by spawn site', () => passes('sites'));
  it('does without kernel guards', () => passes('overflow', { env: { STACKFUL_STACK_GUARD: 'none' } }));
  it('has guards made by mprotect for as many stacks as the process can afford', async () => {
    await passes('overflow', { env: { STACKFUL_STACK_GUARD: 'mprotect' } });
    await passes('many', { env: { STACKFUL_STACK_GUARD: 'mprotect' } });
  });
});

describe('stack sizes', () => {
  for (const size of [0, -1, 1, 1000, 127 * 1024, 64 * 2 ** 20 + 1, 2 ** 40, 1e300, 200_000.5, NaN, Infinity, -Infinity]) {
    it(`of ${size} bytes are refused`, () => {
      const expected = expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }) as Error;
      expect(() => spawn(() => 1, { stackSize: size })).toThrow(expected);
      expect(() => { configure({ stackSize: size }); }).toThrow(expected);
    });
  }
  for (const size of ['1024', null, 1n, true]) {
    it(`that are a ${typeof size} are refused`, () => {
      const stackSize = size as unknown as number;
      expect(() => spawn(() => 1, { stackSize })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    });
  }
  it('from 128 KiB on work', async () => {
    for (const stackSize of [128 * 1024, 131_073, 300_000, 2 ** 20, 3 * 2 ** 20, 64 * 2 ** 20]) {
      expect(await spawn(() => (sleep(0), stackSize), { stackSize })).toBe(stackSize);
    }
  });
});

describe('how much of its stack a coroutine uses', () => {
  it('is known while it is alive', async () => {
    const parked = spawn(() => { sleep(30); });
    await spawn(() => { sleep(1); });
    const use = parked.stackUse()!;
    expect(use.size).toBe(256 * 1024);
    expect(use.resident).toBeGreaterThanOrEqual(4096);
    expect(use.deepest).toBeGreaterThanOrEqual(use.resident);
    expect(dump()).toMatch(/stack: \d+ of 256 KiB used/);
    expect(parked.spawnSite).toBeUndefined();
    await parked;
    expect(parked.stackUse()).toBeUndefined();
    expect(stats().stackMemoryUsed).toBeGreaterThan(0);
    expect(stats().stackMemoryBudget).toBeGreaterThan(stats().stackMemoryUsed);
  });
});
