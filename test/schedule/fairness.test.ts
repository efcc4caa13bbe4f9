import { describe, expect, it } from 'vitest';

import { runChild } from '../support/child.js';

/** Loops of coroutines that stay ready; see the child. */
const loops = [
  'yields', 'two yield', 'a hundred yield', 'stat', 'exists', 'readFile', 'mutex', 'free mutex', 'semaphore', 'event',
  'wait group', 'channel', 'producer and consumer', 'select', 'join', 'spawn and join', 'wait', 'callback', 'lines',
];

async function keepsNobodyOut(...args: string[]): Promise<void> {
  expect(await runChild('fairness.mjs', args)).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
}

describe('a sleeper, a time limit, a timer and a request have their turn beside coroutines that stay ready', () => {
  for (const loop of loops) it(loop, () => keepsNobodyOut(loop));
  it('under the policy "priority"', () => keepsNobodyOut('two yield', 'priority'));
  it('under the policy "accept"', () => keepsNobodyOut('two yield', 'accept'));
  it('under the policy "bvt"', () => keepsNobodyOut('two yield', 'bvt'));
  it('all of them are tried', async () => {
    expect((await runChild('fairness.mjs')).stdout.trim().split(',')).toEqual(loops);
  });
  it('and beside one that is cancelled and does not want to know', () => keepsNobodyOut('two yield', 'cancelled'));
});
