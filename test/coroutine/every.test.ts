import { describe, expect, it } from 'vitest';

import { current, every, simulate, sleep, spawn, timeout } from 'stackful';

/** The beats that a loop sees whose body takes the given times, with the times at which it sees them. */
async function beatsOf(ms: number, ...bodies: number[]): Promise<[beat: number, at: number][]> {
  const seen: [number, number][] = [];
  await simulate((simulation) => {
    const began = simulation.now();
    for (const beat of every(ms)) {
      seen.push([beat, Math.round((simulation.now() - began) * 1e3) / 1e3]);
      const body = bodies.shift();
      if (body === undefined) break;
      sleep(body);
    }
  });
  return seen;
}

describe('every', () => {
  it('does not drift by what the body takes', async () => {
    expect(await beatsOf(10, 3, 9, 0, 0.5)).toEqual([[1, 10], [2, 20], [3, 30], [4, 40], [5, 50]]);
  });

  it('leaves out the beats that pass meanwhile, and comes back to its times', async () => {
    expect(await beatsOf(10, 25, 10, 1)).toEqual([[1, 10], [4, 40], [5, 50], [6, 60]]);
  });

  it('takes fractions', async () => {
    expect(await beatsOf(0.5, 0.2, 0.2)).toEqual([[1, 0.5], [2, 1], [3, 1.5]]);
  });

  it('waits in real time, too', async () => {
    const began = performance.now();
    expect(await spawn(() => { for (const beat of every(2)) if (beat >= 5) return beat; return 0; })).toBeGreaterThanOrEqual(5);
    expect(performance.now() - began).toBeGreaterThanOrEqual(9.9);
  });

  it('ends early as other calls do', async () => {
    const forEver = (signal?: AbortSignal) => { for (const _ of every(1, { signal })); };
    await expect(spawn(() => { timeout(5, () => { forEver(); }); }).promise).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    await expect(spawn(() => { forEver(AbortSignal.abort(new RangeError('stop'))); }).promise).rejects.toThrow('stop');
    const cancelled = spawn(() => { current()!.cancel(); forEver(); });
    await expect(cancelled.promise).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
  });

  it('checks its arguments at once, and the main stack at the first step', () => {
    for (const bad of [0, -1, NaN, Infinity]) expect(() => every(bad)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }) as Error);
    expect(() => every('1' as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error);
    expect(() => every(1, { sginal: 1 } as never)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }) as Error);
    const beats = every(1);
    expect(() => beats.next()).toThrow(expect.objectContaining({ code: 'ERR_NOT_IN_COROUTINE' }) as Error);
  });
});
