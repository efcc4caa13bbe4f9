import { expect, it } from 'vitest';

import { runChild } from '../support/child.js';

it('a stack that overflows on the way into a limit, or out of it, leaves the coroutine in none', async () => {
  const { exit, stdout, stderr } = await runChild('overflows.mjs');
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(stdout.split('\n')).toEqual(['timeout 0', 'withSignal 0', 'scope 0', 'shield 0', 'slept', '']);
});
