import { expect, it } from 'vitest';

import { runChild } from './support/child.js';

/** `npm run soak` for a few seconds, or longer until there are enough samples to tell whether memory is flat. */
it('a process that does everything for a while computes right values and keeps its memory', async () => {
  const args = ['--switches', 500_000, '--spawns', 50_000, '--seconds', 60, '--seed', 1];
  const result = await runChild('../../scripts/soak.mjs', args, { flags: ['--expose-gc'] });
  expect(result).toMatchObject({ exit: 0, stderr: '', stdout: expect.stringMatching(/: flat\nsoak: ok\n$/) as string });
});

it('says so, and fails, when the time is not enough', async () => {
  const args = ['--switches', 500_000, '--spawns', 1e9, '--seconds', 1];
  const result = await runChild('../../scripts/soak.mjs', args, { flags: ['--expose-gc'] });
  expect(result).toMatchObject({ exit: 1, stderr: '', stdout: expect.stringMatching(/FAILED \(--seed \d+\): memory: \d+ samples are too few to tell\n$/) as string });
});
