import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

import { runChild } from './support/child.js';

/** `npm run soak` for a few seconds, or longer until there are enough samples to tell whether memory is flat. */
it('a process that does everything for a while computes right values and keeps its memory', async () => {
  const args = ['--switches', 500_000, '--spawns', 50_000, '--seconds', 60, '--seed', 1];
  const result = await runChild('../../scripts/soak.mjs', args, { flags: ['--expose-gc'] });
  expect(result).toMatchObject({ exit: 0, stderr: '', stdout: expect.stringMatching(/: flat\nsoak: ok\n$/) as string });
});

it('connections of every kind leave neither memory nor descriptors behind', async () => {
  const openssl = spawnSync('openssl', ['version']).status === 0;
  const kinds = ['tcp', 'unix', ...(openssl ? ['tls'] : []), 'udp', 'descriptors', 'child', 'fifo'];
  const args = ['--count', 500, '--at-once', 10, '--kinds', kinds.join(',')];
  const result = await runChild('../../scripts/soak-connections.mjs', args, { flags: ['--expose-gc'] });
  expect(result).toMatchObject({ exit: 0, stderr: '', stdout: expect.stringMatching(/^(soak: \w+: .* flat, descriptors: flat\n){6,7}soak: ok\n$/) as string });
});

it('says so, and fails, when the time is not enough', async () => {
  const args = ['--switches', 500_000, '--spawns', 1e9, '--seconds', 1];
  const result = await runChild('../../scripts/soak.mjs', args, { flags: ['--expose-gc'] });
  expect(result).toMatchObject({ exit: 1, stderr: '', stdout: expect.stringMatching(/FAILED \(--seed \d+\): memory: \d+ samples are too few to tell\n$/) as string });
});
