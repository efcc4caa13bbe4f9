import { configure, spawn } from 'stackful';
import { describe, expect, it } from 'vitest';

import { v8Knows } from '../support/flags.js';
import { runChild } from '../support/child.js';

const OK = { exit: 0, stdout: 'ok\n' };

// A coroutine that is never preempted does not end: the child process has the time limit.
describe('a coroutine that computes for longer than its time slice', { timeout: 250_000 }, () => {
  for (const name of ['loop', 'optimised', 'calls', 'recursion', 'default slice', 'cancelled', 'alone']) {
    it.concurrent(`gives way: ${name}`, async () => {
      expect(await runChild('time_slices.mjs', [name])).toMatchObject(OK);
    });
  }

  // Interpreted code is interrupted inside V8's builtins, and a copy of those may run instead.
  it.concurrent('gives way: recursion, in the interpreter', async () => {
    const flags = ['--no-opt', ...['--no-sparkplug', '--no-maglev'].filter(v8Knows)];
    expect(await runChild('time_slices.mjs', ['recursion'], { flags })).toMatchObject(OK);
  });

  // V8 then looks for interrupts every 2^30 bytes of bytecode: a probe's loop ends before its interrupt comes, which must not
  // be taken for one of a probe that is there no more.
  it.concurrent('is preempted late in functions too long to be optimised', async () => {
    expect(await runChild('time_slices.mjs', ['once'], { flags: ['--max-optimized-bytecode-size=1'] })).toMatchObject(OK);
  });

  for (const name of ['atomic', 'native call', 'call of the library']) {
    it.concurrent(`goes on where it must not be left: ${name}`, async () => {
      expect(await runChild('time_slices.mjs', [name])).toMatchObject(OK);
    });
  }

  const flags = ['', '--stress-scavenge=60', '--gc-interval=400', '--stress-compaction', '--jitless', '--always-sparkplug',
    '--no-maglev', '--no-opt', '--single-threaded'];
  for (const flag of flags) {
    it.skipIf(flag !== '' && !v8Knows(flag)).concurrent(`finds its values again, with ${flag || 'no flags'}`, async () => {
      const options = { flags: ['--expose-gc', ...(flag ? [flag] : [])] };
      for (const name of ['builtins', 'shared']) {
        const { exit, stdout, stderr } = await runChild('time_slices.mjs', [name, 100], options);
        expect({ exit, stdout: stdout.replace(/^Warning: .*\n/, ''), stderr }).toMatchObject(OK);
      }
    });
  }

  it.concurrent('can be terminated with its worker', async () => {
    expect(await runChild('time_slices.mjs', ['terminated'])).toMatchObject(OK);
  });

  it('says what is wrong with a slice', () => {
    expect(() => spawn(() => 1, { timeSlice: 0.5 })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }) as Error);
    expect(() => spawn(() => 1, { timeSlice: NaN })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }) as Error);
    expect(() => { configure({ timeSlice: '1' as unknown as number }); }).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error,
    );
  });
});
