import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, test } from 'vitest';

import { current, sleep } from 'stackful';
import { inCoroutine } from 'stackful/embed';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a runner prints, which ends with failure because one of the tests does. */
async function output(...args: string[]): Promise<string> {
  // What vitest has set would be read by the runner.
  const env = { PATH: process.env.PATH, NO_COLOR: '1', ...process.env.PREBUILDS_ONLY !== undefined && { PREBUILDS_ONLY: process.env.PREBUILDS_ONLY } };
  try {
    await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 60_000, killSignal: 'SIGKILL', env });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
  throw new Error('no test has failed');
}

describe('inCoroutine', () => {
  it('waits in vitest', inCoroutine(() => {
    sleep(1);
    expect(current()?.state).toBe('running');
  }));

  it.each([[1, 2], [3, 4]])('takes what it.each gives: %d, %d', inCoroutine((a: number, b: number) => {
    sleep(1);
    expect(b - a).toBe(1);
  }));

  const withFixture = test.extend<{ fixture: string }>({
    fixture: async ({ task }, use) => { await use(`of ${task.name}`); },
  });
  withFixture('takes fixtures', inCoroutine(({ fixture }: { fixture: string }) => {
    sleep(1);
    expect(fixture).toBe('of takes fixtures');
  }));

  it.fails('fails in vitest', inCoroutine(() => {
    sleep(1);
    expect(1).toBe(2);
  }));

  it('works in Mocha', async () => {
    const text = await output('node_modules/mocha/bin/mocha.js', '--reporter', 'tap', 'test/embed/mocha.cjs');
    expect(text).toMatch(/^ok 1 has the context of Mocha\nok 2 coroutines passes\nok 3 coroutines takes no callback\nnot ok 4 coroutines fails\n {2}one is not two/m);
  });

  it('works in node:test', async () => {
    const text = await output('--test-reporter=tap', 'test/embed/node_test.cjs');
    expect(text).toMatch(/ok 1 - passes/);
    expect(text).toMatch(/\n {4}ok 2 - takes no callback/);
    expect(text).toMatch(/not ok 3 - fails/);
    expect(text).toContain('one is not two');
  });

  it('refuses what is no function, and unknown options', () => {
    expect(() => inCoroutine('x' as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => inCoroutine(() => 1, { timeout: 5 } as never)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
  });
});
