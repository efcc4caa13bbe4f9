import { beforeAll, describe, expect, it } from 'vitest';

import { buildAddon } from '../support/addon.js';
import { runChild } from '../support/child.js';

const sorted = '1,2,3';
const refused = { code: 'ERR_CANNOT_PARK', names: true };
const three = <T>(what: T) => [what, what, what];

/** The outcome of each program of test/children/koffi.mjs; afterwards koffi works as before. */
const programs: [what: string, outcome: unknown][] = [
  ['parks', three(refused)],
  ['yields', three(refused)],
  ['getter', three('ERR_CANNOT_PARK')],
  ['below', three(refused)],
  ['others', three(sorted.repeat(3))],
  ['plain', [sorted, sorted]],
  ['async', three(0)],
  ['slices', ['outside', sorted]],
];

describe('koffi, which keeps memory in the order of its calls', { timeout: 130_000 }, () => {
  let crossings: string;
  beforeAll(async () => {
    crossings = await buildAddon('crossings');
  }, 120_000);

  for (const [what, outcome] of programs) {
    for (const when of ['early', 'late']) {
      it(`${what}, loaded ${when}`, async () => {
        const { exit, stdout, stderr } = await runChild('koffi.mjs', [what, when, crossings]);
        expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
        expect(JSON.parse(stdout)).toEqual([outcome, sorted]);
      });
    }
  }

  it('inside a worker thread', async () => {
    const { exit, stdout } = await runChild('in_worker.mjs', ['./koffi.mjs', 'parks', 'late']);
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: `${JSON.stringify([three(refused), sorted])}\n` });
  });
});

describe('where an addon was there first, the library starts', { timeout: 130_000 }, () => {
  for (const [what, name, most] of [
    ['and has much to do when its environment ends', 'atEnd', '32'],
    ['and a thread of its asks V8 for interrupts all the time', 'interruptedFromAside', '16'],
  ] as const) {
    it(what, async () => {
      const result = await runChild('late_starts.mjs', [await buildAddon('crossings'), name, most]);
      expect(result).toEqual({ exit: 0, stdout: '', stderr: '' });
    });
  }
});
