import { describe, expect, it } from 'vitest';

import { configure, current, DeadlockError, spawn, type Coroutine } from 'stackful';
import { runChild } from '../support/child.js';

const run = (...args: string[]) => runChild('deadlock.mjs', args, { timeoutMs: 20_000 });
const ONE_TWO = '#1 one waits for B held by #2 two';
const TWO_ONE = '#2 two waits for A held by #1 one';

describe('a cycle of locks', () => {
  it('is reported as it closes, and the program goes on', async () => {
    expect(await run('locks')).toEqual({
      exit: 0,
      stdout: 'channel: two,one\n',
      stderr: `stackful: deadlock: ${TWO_ONE}; ${ONE_TWO}\n`,
    });
    expect(await run('busy', 'report')).toMatchObject({ exit: 3, stderr: `stackful: deadlock: ${TWO_ONE}; ${ONE_TWO}\n` });
  });

  it('is broken by an error in the coroutine that closes it', async () => {
    const { exit, stdout, stderr } = await run('locks', 'throw');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    // Here the one that failed keeps what it held, and is done: the other waits for nothing.
    expect(stdout.split('\n')).toEqual([
      'channel: two,one',
      `two: ERR_DEADLOCK ${TWO_ONE}; ${ONE_TWO}`,
      'channel: one',
      'one: ERR_DEADLOCK #1 one waits for B held by #2 two, which is done; no coroutine is left to wake them',
      '',
    ]);
  });

  it('of three leaves out a coroutine that only waits behind it', async () => {
    const { stdout, stderr } = await run('three');
    expect(stdout).toBe('channel: three,one,two\n');
    expect(stderr).toContain('#3 three waits for A held by #1 one; #1 one waits for B held by #2 two; #2 two waits for C held by #3 three\n');
  });

  it('is not reported when switched off', async () => {
    expect(await run('locks', 'off')).toEqual({ exit: 0, stdout: '', stderr: '' });
  });
});

describe('joins', () => {
  it('in a circle throw into the one that closes it', async () => {
    const { exit, stdout, stderr } = await run('joins');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toContain('one: ERR_DEADLOCK #1 one waits for coroutine #2 two; #2 two waits for coroutine #1 one');
    expect(stdout).toContain('two ended');
  });

  it('of oneself as well', async () => {
    const error: unknown = await spawn(() => current()!.join()).then(undefined, (e: unknown) => e);
    expect(error).toBeInstanceOf(DeadlockError);
    expect(error).toMatchObject({ code: 'ERR_DEADLOCK', name: 'DeadlockError' });
    expect((error as DeadlockError).coroutines.length).toBe(1);
  });

  it('in a long line are fine', async () => {
    let last: Coroutine<number> = spawn(() => 1);
    for (let i = 0; i < 3000; i++) {
      const next = last;
      last = spawn(() => next.join() + 1);
    }
    expect(await last).toBe(3001);
  });
});

describe('no coroutine left that could wake them', () => {
  it('is reported for coroutines that the main stack awaits', async () => {
    expect(await run('flag')).toEqual({
      exit: 0,
      stdout: 'channel: stuck\n',
      stderr: 'stackful: deadlock: #1 stuck waits for Flag; no coroutine is left to wake them\n',
    });
    expect((await run('flag', 'throw')).stdout).toContain('stuck: ERR_DEADLOCK');
    expect((await run('orphan')).stderr).toContain('#2 heir waits for A held by #1 holder, which is done');
  });

  it('throws once into a coroutine that catches the error and waits again', async () => {
    expect(await run('stubborn', 'throw')).toMatchObject({ exit: 0, stdout: 'channel: stubborn\nERR_DEADLOCK\n' });
  });

  it('in a worker as well', async () => {
    const result = await runChild('in_worker.mjs', ['deadlock.mjs', 'locks']);
    expect(result).toMatchObject({ exit: 0, stderr: `stackful: deadlock: ${TWO_ONE}; ${ONE_TWO}\n` });
    expect((await runChild('in_worker.mjs', ['deadlock.mjs', 'flag'])).stderr).toContain('#1 stuck waits for Flag');
  });
});

describe('no deadlock', () => {
  for (const [name, expected] of Object.entries({
    promise: { exit: 0, stdout: '' },
    service: { exit: 0, stdout: '' },
    timer: { exit: 0, stdout: 'waits ended\n' },
    unref: { exit: 0, stdout: '' },
    beforeExit: { exit: 0, stdout: 'waits ended\n' },
    exit: { exit: 4, stdout: '' },
    handedOver: { exit: 0, stdout: 'two ended\none ended\n' },
  })) {
    it(name, async () => {
      expect(await run(name, 'throw')).toEqual({ stderr: '', ...expected });
      expect(await run(name)).toEqual({ stderr: '', ...expected });
    });
  }
});

it('modes are checked', () => {
  expect(() => { configure({ deadlock: 'loud' as never }); }).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
});
