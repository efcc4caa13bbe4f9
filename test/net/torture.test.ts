import { expect, it } from 'vitest';

import { runChild } from '../support/child.js';

it.each([
  [[], 30, 10],
  [['--stress-scavenge=60'], 10, 6],
  [['--gc-interval=400'], 10, 6],
  [['--stress-compaction'], 10, 6],
  [['--no-opt'], 10, 6],
])('sockets and files keep what they carry apart, with %j', async (flags, conversations, rounds) => {
  const result = await runChild('io_torture.mjs', [conversations, rounds], {
    flags: ['--expose-gc', ...flags],
  });
  expect(result, result.stderr).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^ok \d+\n$/) as string });
});
