import { describe, expect, it } from 'vitest';

import { runChild } from '../support/child.js';

/** The constants of native/engine/v8_layout.h, as Layout names them, by unit. */
const bytes = [
  'handleImplementerBytes', 'handleDataBytes', 'handleDataInImplementer', 'blocksInImplementer', 'vectorBytes',
  'spareInImplementer', 'handleBlockBytes', 'managerAnchors', 'stackGuard', 'realLimit', 'limit', 'interruptPending',
  'interruptScopes', 'threadTopBytes',
];
const words = ['threadIdWord', 'isolateWord', 'tryCatchWord', 'trapFlagWord', 'accessCheckWord', 'entrySpWord', 'handlerWord'];
/** The finds of the search, as Discovery names them. */
const addresses = [
  'isolate', 'realLimit', 'limit', 'interruptScopes', 'threadTop', 'handleData', 'implementerSlot', 'implementer',
  'relocatableTop', 'stackStartThread', 'stackStartHeap', 'asyncContext', 'shutdownList', 'stackReach', 'exceptions',
  'inUse', 'manager',
];
const node = Number.parseInt(process.versions.node);
/** Finds that do not exist in that V8. */
const absent = new Set([...(node === 20 ? ['found.asyncContext'] : []), ...(node === 22 ? [] : ['found.shutdownList']), ...(node < 24 ? ['found.stackReach'] : [])]);

const cases: [name: string, deltas: number[]][] = [
  ...bytes.map((name): [string, number[]] => [name, [-8, 8, -16, 16, 64]]),
  ...words.map((name): [string, number[]] => [name, [-1, 1, -2, 2]]),
  ...addresses.map((name): [string, number[]] => [`found.${name}`, [-8, 8, -16, 16, 64]]),
  ['twoLimits', [-1, 1]],
  ['stackReach', [-1, 1]],
  ['heapStackStartInTarget', [1024]],
  // Without it, coroutines that leave JSON.stringify in another order than they came would abort the process.
  ...(node === 22 ? [['shutdownList', [-1]] as [string, number[]]] : []),
];

describe('the engine refuses a V8 that is not as it thinks', () => {
  for (const [name, deltas] of cases) {
    it.concurrent(`when ${name} is wrong`, async () => {
      const { exit, stdout, stderr } = await runChild('calibration.mjs', [name, ...deltas]);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      const lines = stdout.trim().split('\n');
      expect(lines.pop()).toBe('ok');
      expect(lines).toHaveLength(deltas.length);
      for (const reason of lines) {
        if (absent.has(name)) expect(reason).toBe('absent');
        else expect(['accepted', 'absent']).not.toContain(reason);
      }
    });
  }

  it('and knows whether it was asked for something that exists', async () => {
    const { stdout } = await runChild('calibration.mjs', ['found.nothing', 8]);
    expect(stdout).toBe('absent\nok\n');
  });
});
