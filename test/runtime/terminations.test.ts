import { describe, expect, it } from 'vitest';

import { runChild } from '../support/child.js';

const guarded = ['ERR_ATOMIC_SECTION', 'parked'];
const ended = ['TerminatedError ERR_TERMINATED', 'ERR_TERMINATED', 'done', false, [1, 2, 3], 'none'];

/** The outcome of each program of test/children/evaluations.mjs. */
const programs: [what: string, outcome: unknown][] = [
  ['import', guarded],
  ['require', guarded],
  ['getBuiltinModule', guarded],
  ['promises', guarded],
  ['paused', ['ERR_CANNOT_PARK', 'ERR_ATOMIC_SECTION']],
  ['busy', ['ERR_ATOMIC_SECTION', { code: 'ERR_INSPECTOR_COMMAND' }, 'busy']],
  ['ended', ended],
  ['endedInScopes', ended],
  ['endedAfterParks', ended],
  ['endedInBuiltin', ended],
  ['endedInJoin', ended],
  ['endedOnStackOfAnother', ended],
  ['many', ['ERR_TERMINATED', 'on']],
];

describe('code that the inspector ends', { timeout: 130_000 }, () => {
  for (const [what, outcome] of programs) {
    it(what, async () => {
      const { exit, stdout, stderr } = await runChild('evaluations.mjs', [what]);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      expect(JSON.parse(stdout)).toEqual(outcome);
    });
  }

  it('is an unhandled rejection where no code joins the coroutine that was ended', async () => {
    const { exit, stdout, stderr } = await runChild('evaluations.mjs', ['unheard']);
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
    expect(stderr).toContain('TerminatedError: coroutine #1 unheard was ended from outside');
  });

  it('in a worker thread', async () => {
    const { exit, stdout, stderr } = await runChild('in_worker.mjs', ['./evaluations.mjs', 'many']);
    expect({ exit, stdout, stderr }).toEqual({ exit: 0, stdout: '["ERR_TERMINATED","on"]\n', stderr: '' });
  });
});
