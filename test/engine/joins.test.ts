import { describe, expect, it } from 'vitest';

import { runChild } from '../support/child.js';

const flags = [[], ['--stress-scavenge=60'], ['--stress-compaction', '--gc-interval=2000'], ['--stress-incremental-marking']];

async function joins(what: string, flags: string[] = []): Promise<void> {
  expect(await runChild('joins.mjs', [what], { flags })).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
}

describe('arrays joined in many coroutines, whose elements park', () => {
  for (const variant of flags) it(variant.join(' ') || 'without flags', () => joins('own', variant));
  it('the same array in all of them', () => joins('same'));
  it('arrays that contain themselves', () => joins('cycles'));
  it('elements that throw', () => joins('throws'));
  it('arrays of other realms', () => joins('realms'));
  it('with time slices that end inside', () => joins('slices'));
  it('when the process ends meanwhile', () => joins('end'));
});
