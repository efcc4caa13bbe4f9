import { beforeAll, describe, expect, it } from 'vitest';

import { buildAddon } from '../support/addon.js';
import { runChild } from '../support/child.js';

describe('the process ends cleanly', () => {
  for (const where of ['coroutine', 'main', 'promise', 'exit-listener', 'uncaught', 'unhandled']) {
    it(`by process.exit: ${where}`, async () => {
      expect(await runChild('exit.mjs', [where])).toEqual({ exit: 7, stdout: '', stderr: '' });
    });
  }

  it('by process.exit in a coroutine, with a listener that tries to wait', async () => {
    const result = await runChild('exit.mjs', ['parking-listener']);
    expect(result.exit).toBe(7);
    expect(result.stdout).toMatch(/^first ERR_NOT_IN_COROUTINE sleep can only .* process's 'exit' event run outside: .*\n$/);
    expect(result.stderr).toMatch(/^Uncaught in an 'exit' listener: NotInCoroutineError: sleep can only/);
  });

  it('in a worker, too', async () => {
    const result = await runChild('in_worker.mjs', ['exit.mjs', 'parking-listener']);
    expect(result.stdout).toMatch(/^first ERR_NOT_IN_COROUTINE /);
    expect(result.stdout).not.toContain('must not be caught');
  });

  it('by itself when nothing can wake the coroutines that are left', async () => {
    expect(await runChild('exit.mjs', ['quietly'])).toEqual({ exit: 0, stdout: '', stderr: '' });
  });
});

describe('coroutines parked below C++ that has called JavaScript are unwound', { timeout: 130_000 }, () => {
  let addon: string;
  beforeAll(async () => {
    addon = await buildAddon('crossings');
  }, 120_000);
  // This setting shows a use of destroyed objects.
  const env = { MALLOC_PERTURB_: '165' };
  const ways = [['terminate', 1], ['exit', 3], ['end', 0]] as const;

  for (const [how, code] of ways) {
    it(`and none of their JavaScript runs, in a worker: ${how}`, async () => {
      expect(await runChild('unwinding.mjs', [how, 'worker', addon], { env })).toEqual({ exit: 0, stdout: `ended ${code}\n`, stderr: '' });
    });
  }
  for (const [how, code] of ways.slice(1)) {
    it(`and none of their JavaScript runs, in the main thread: ${how}`, async () => {
      expect(await runChild('unwinding.mjs', [how, 'main', addon], { env })).toEqual({ exit: code, stdout: '', stderr: '' });
    });
  }
  // Until the next termination the JavaScript that C++ returns to runs.
  for (const place of ['inspector, six deep', 'addon, six deep', 'a loop around it']) {
    it(`however often C++ calls the end off: ${place}`, async () => {
      const result = await runChild('unwinding.mjs', ['terminate', 'worker', addon, place], { env });
      expect(result).toEqual({ exit: 0, stdout: expect.stringMatching(/^ended 1\n$/m) as string, stderr: '' });
    });
  }
  it('and a file that has been opened for one of them is closed', async () => {
    const result = await runChild('unwinding.mjs', ['exit', 'worker', addon, 'a file that has been opened']);
    expect(result).toEqual({ exit: 0, stdout: 'ended 3\n', stderr: '' });
  });
});

describe('workers', () => {
  it('can be terminated in the middle of a switch, a throw, a call', { timeout: 130_000 }, async () => {
    expect(await runChild('terminations.mjs', [100])).toEqual({ exit: 0, stdout: 'ok 100 terminated\n', stderr: '' });
  });

  it('can end while async hooks and stores follow their coroutines', { timeout: 130_000 }, async () => {
    expect(await runChild('ended_with_hooks.mjs')).toEqual({ exit: 0, stdout: 'ok 24\n', stderr: '' });
  });

  for (const where of ['asked', 'hook', 'microtask']) {
    it(`end in JavaScript that runs between coroutines: ${where}`, async () => {
      expect(await runChild('ended_aside.mjs', [where])).toEqual({ exit: 0, stdout: 'true 7\n', stderr: '' });
    });
  }

  it('end with parked and running coroutines, terminated or not, and leave no descriptors behind', async () => {
    const result = await runChild('workers.mjs', [48]);
    expect(result).toMatchObject({ exit: 0, stderr: '' });
    expect(result.stdout).toMatch(/^ok (-?\d+)\n$/);
    expect(Number(result.stdout.slice(3))).toBeLessThanOrEqual(1);
  });
});
