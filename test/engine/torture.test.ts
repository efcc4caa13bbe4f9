import { describe, expect, it } from 'vitest';

import { runChild } from '../support/child.js';
import { v8Knows } from '../support/flags.js';

const variants: [flags: string[], coroutines: number, rounds: number][] = [
  [[], 2000, 14],
  [['--stress-scavenge=60'], 600, 14],
  [['--gc-interval=400'], 600, 14],
  [['--stress-compaction'], 400, 14],
  [['--stress-incremental-marking'], 400, 14],
  [['--no-opt'], 600, 14],
  [['--always-sparkplug'], 600, 14],
  [['--jitless'], 600, 14],
  [['--scavenger-chaos-mode', '--stress-scavenge=60'], 600, 14],
  [['--minor-ms'], 600, 14],
  [['--single-threaded'], 600, 14],
  [['--stress-flush-code'], 600, 14],
];

/**
 * Flags, whether scavenges leave quiet stacks out under them (undefined: as it comes), and a smaller size where they make
 * everything slow.
 */
const collections: [flags: string[], quiet: boolean | undefined, size?: [coroutines: number, collections: number]][] = [
  [[], true],
  [['--stress-scavenge=60'], true],
  [['--scavenger-chaos-mode', '--stress-scavenge=60'], true],
  [['--gc-interval=400'], true],
  [['--single-threaded'], true],
  // How many full collections come in between differs from one V8 to the next.
  [['--stress-incremental-marking'], undefined],
  // Every collection is a full one: no hash is ever compared.
  [['--stress-compaction'], false, [100, 300]],
  [['--minor-ms'], false],
  [['--precise-object-pinning'], false],
  [['--scavenger-conservative-object-pinning'], false],
];

describe('values survive scavenges that leave quiet stacks out', { timeout: 130_000 }, () => {
  for (const [flags, quiet, size = [300, 800]] of collections) {
    it.skipIf(!flags.every(v8Knows))(`with ${flags.join(' ') || 'no flags'}`, async () => {
      const result = await runChild('quiet_torture.mjs', size, { flags: ['--expose-gc', ...flags] });
      expect(result).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^ok \d+ most quiet \d+\n$/) as string });
      const most = Number(/quiet (\d+)/.exec(result.stdout)![1]);
      if (quiet) expect(most).toBeGreaterThan(0);
      if (quiet === false) expect(most).toBe(0);
    });
  }

  it('inside a worker thread', async () => {
    const result = await runChild('in_worker.mjs', ['./quiet_torture.mjs', 300, 800], { flags: ['--expose-gc'] });
    expect(result).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^ok \d+ most quiet [1-9]\d*\n$/) as string });
  });
});

// The time limit is that of the child process, which a busy machine may come near.
describe('values survive parks in every kind of frame', { timeout: 130_000 }, () => {
  for (const [flags, coroutines, rounds] of variants) {
    it.skipIf(!flags.every(v8Knows))(`with ${flags.join(' ') || 'no flags'}`, async () => {
      const result = await runChild('torture.mjs', [coroutines, rounds], { flags: ['--expose-gc', ...flags] });
      expect(result).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^(Warning: .*\n)?ok \d+\n$/) as string });
    });
  }

  it('inside a worker thread', async () => {
    const result = await runChild('in_worker.mjs', ['./torture.mjs', 2000, 14], { flags: ['--expose-gc'] });
    expect(result).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^ok \d+\n$/) as string });
  });
});

describe('values survive on stacks that coroutine after coroutine runs on', { timeout: 130_000 }, () => {
  for (const flags of variants.map(([flags]) => flags)) {
    it.skipIf(!flags.every(v8Knows))(`with ${flags.join(' ') || 'no flags'}`, async () => {
      const result = await runChild('reuse_torture.mjs', [flags.length > 0 ? 60 : 3000], { flags: ['--expose-gc', ...flags] });
      expect(result).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^(Warning: .*\n)?ok \d+\n$/) as string });
    });
  }

  it('inside a worker thread', async () => {
    const result = await runChild('in_worker.mjs', ['./reuse_torture.mjs', 1000], { flags: ['--expose-gc'] });
    expect(result).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^ok \d+\n$/) as string });
  });
});

describe('interrupts from another thread', { timeout: 130_000 }, () => {
  for (const flags of [[], ['--stress-scavenge=60'], ['--jitless'], ['--always-sparkplug']]) {
    it(`come through while coroutines switch and throw, with ${flags.join(' ') || 'no flags'}`, async () => {
      const result = await runChild('interrupts.mjs', [1000], { flags });
      expect(result).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^(Warning: .*\n)?ok\n$/) as string });
    });
  }
});
