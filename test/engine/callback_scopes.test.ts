import { describe, expect, it } from 'vitest';

import { runChild } from '../support/child.js';
import { nodeKnows, v8Knows } from '../support/flags.js';

const variants = [[], ['--no-async-context-frame'], ['--stress-scavenge=60']];

async function passes(what: string, flags: string[] = []): Promise<void> {
  expect(await runChild('callback_scopes.mjs', [what], { flags })).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
}

describe('parks below callback scopes of native code', () => {
  for (const flags of variants) {
    it.skipIf(!flags.every((flag) => nodeKnows(flag) || v8Knows(flag)))(
      `stores, resources and exceptions are each handler’s own: ${flags.join(' ') || 'no flags'}`,
      () => passes('handlers', flags),
    );
  }
  it('the same with async hooks', () => passes('hooked'));
  for (const flags of variants) {
    it.skipIf(!flags.every((flag) => nodeKnows(flag) || v8Knows(flag)))(
      `async hooks hear of scopes as on a stack: ${flags.join(' ') || 'no flags'}`,
      () => passes('nesting', flags),
    );
  }
  it('ticks and promise callbacks of the others run meanwhile', () => passes('others'));
  it('in what the inspector evaluates', () => passes('inspector'));
  it('are refused in promise callbacks that run on the coroutine’s stack', () => passes('tick'));
});
