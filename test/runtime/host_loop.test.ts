import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { buildAddon } from '../support/addon.js';
import { runChild } from '../support/child.js';

/** The wait for events belongs to the whole process, so each has a process. */
async function passes(what: string, options: Parameters<typeof runChild>[2] = {}, ...rest: string[]): Promise<void> {
  expect(await runChild('host_loop.mjs', [what, ...rest], options)).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
}

describe("the wait in Node's event loop", () => {
  it('becomes ours where it is for coroutines, and libuv misses nothing', () => passes('beside'));
  it('counts as idle', () => passes('idle'));
  it("is libuv's again when there is nothing for coroutines", () => passes('back'));
  it('ends with the last handle', () => passes('end'));
  it('is ended by a signal, a worker and a child process', () => passes('outside'));
  it('does not happen where JavaScript runs the loop without waiting', async () => {
    await passes('nested', {}, await buildAddon('nested_loop'));
  }, 120_000);
  it('does not go round where a coroutine runs the loop, and what that calls back cannot park', async () => {
    await passes('inside', {}, await buildAddon('nested_loop'));
  }, 120_000);
  it('is taken over in a worker, which can be terminated in it', () => passes('worker'));
  it('gets along with the signals of a profiler', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stackful-'));
    try {
      await passes('beside', { flags: ['--cpu-prof', `--cpu-prof-dir=${directory}`] });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
