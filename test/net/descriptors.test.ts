import { expect, it } from 'vitest';

import { runChild } from '../support/child.js';

it.each([
  ['closed', 'leave no descriptor behind, however they end'],
  ['forgotten', 'are closed when no code refers to them any more'],
  ['terminated', 'are closed when their worker ends'],
  ['shortage', 'wait for descriptors when there are none'],
])('sockets: %s; they %s', async (what) => {
  const result = await runChild('net_descriptors.mjs', [what], { flags: ['--expose-gc'] });
  expect(result, result.stderr).toMatchObject({ exit: 0, stdout: 'ok\n' });
});
