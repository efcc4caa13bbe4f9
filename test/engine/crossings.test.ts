import { beforeAll, describe, expect, it } from 'vitest';

import { buildAddon } from '../support/addon.js';
import { runChild } from '../support/child.js';

/** The programs of test/children/crossings.mjs. */
const programs = [
  'plain', 'scoped', 'scoped, thrown', 'escapable', 'callbackScope', 'makeCallback', 'inCatch', 'inUnwinding', 'rounding',
  'localised', 'nested', 'prepareStackTrace', 'others',
];

/** The time limit is that of the child process, which a busy machine may come near. */
describe("a park below an addon's frames, resumed in another order", { timeout: 130_000 }, () => {
  let addon: string;
  beforeAll(async () => {
    addon = await buildAddon('crossings');
  }, 120_000);

  for (const what of programs) {
    it(`keeps what is per stack: ${what}`, async () => {
      const result = await runChild('crossings.mjs', [addon, what], { flags: ['--expose-gc'] });
      expect(result).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
    });
  }

  for (const flags of [['--stress-scavenge=60'], ['--stress-compaction'], ['--jitless']]) {
    it(`with ${flags.join(' ')}`, async () => {
      const result = await runChild('crossings.mjs', [addon, 'all'], { flags: ['--expose-gc', ...flags] });
      expect(result).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^(Warning: .*\n)?ok\n$/) as string });
    });
  }

  it('inside a worker thread', async () => {
    const result = await runChild('in_worker.mjs', ['./crossings.mjs', addon, 'all'], { flags: ['--expose-gc'] });
    expect(result).toMatchObject({ exit: 0, stdout: 'ok\n' });
  });
});
