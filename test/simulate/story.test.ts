import { describe, expect, it } from 'vitest';

import { Channel, Mutex, simulate, SimulationError, sleep, spawn, timeout, yieldNow } from 'stackful';

import { placeOf } from '../../lib/simulate/story.js';
import { shrink } from '../../lib/simulate/shrink.js';

async function failure(run: Promise<unknown>): Promise<SimulationError> {
  const error: unknown = await run.then(() => undefined, (e: unknown) => e);
  expect(error).toBeInstanceOf(SimulationError);
  return error as SimulationError;
}

/** A reader that comes between two writes of three writers' fields; needs one departure from the default order. */
const torn = () => {
  const pair = { a: 0, b: 0 };
  const lock = new Mutex({ name: 'pair' });
  const writer = spawn(() => lock.withLock(() => {
    pair.a = 1;
    yieldNow();
    pair.b = 1;
  }), { name: 'writer' });
  const others = Array.from({ length: 4 }, (_, i) => spawn(() => { for (let n = 0; n < 3; n++) yieldNow(); }, { name: `other ${String(i)}` }));
  const reader = spawn(() => {
    for (let n = 0; n < 2; n++) yieldNow();
    if (pair.a !== pair.b) throw new Error(`torn: ${String(pair.a)} and ${String(pair.b)}`);
  }, { name: 'reader' });
  for (const c of [writer, ...others, reader]) c.join();
};

describe('a failing schedule', () => {
  it('is made as short as it can be, and told', async () => {
    const error = await failure(simulate({ seed: 1, seeds: 2000 }, torn));
    expect((error.cause as Error).message).toBe('torn: 1 and 0');
    expect(error.schedule!.split(' ').length).toBeLessThanOrEqual(6);
    // The reader before the writer, twice, is all that it takes.
    const least = await failure(simulate({ explore: { bound: 2 } }, torn));
    expect(least.schedule!.split(' ').length).toBe(2);
    const story = error.story!.split('\n');
    expect(story[0]).toContain('turn by turn');
    expect(story.some((line) => /^ +\d+ {2}writer: gives way at test\/simulate\/story\.test\.ts:\d+:\d+$/.test(line))).toBe(true);
    expect(story.some((line) => /^\* +\d+ {2}reader, before /.test(line))).toBe(true);
    expect(story.at(-1)).toBe('        then: Error: torn: 1 and 0');
    expect(error.message).toContain(error.story);
    expect(error.message).toContain(`seed: ${String(error.seed)}, schedule: '${error.schedule!}'`);
  });

  it('is repeated by its schedule', async () => {
    const error = await failure(simulate({ seed: 1, seeds: 2000 }, torn));
    const again = await failure(simulate({ schedule: error.schedule!, seed: error.seed }, torn));
    expect(again.message).toBe(error.message);
    await simulate({ schedule: '' }, torn);
  });

  it('tells what coroutines wait for, and when time passes', async () => {
    const { story } = await failure(simulate({ schedule: '' }, () => {
      const channel = new Channel<number>();
      const mutex = new Mutex();
      const holder = spawn(() => mutex.withLock(() => { sleep(7); throw new Error('failed'); }), { name: 'holder' });
      spawn(() => { channel.receive(); }, { name: 'receiver' });
      spawn(() => { mutex.lock(); }, { name: 'twin' });
      spawn(() => { timeout(5, () => mutex.withLock(() => undefined)); }, { name: 'twin' });
      holder.join();
    }));
    expect(story).toMatch(/simulate: waits for the end of holder at .*; makes ready: holder, receiver, twin, twin \(2\)/);
    expect(story).toMatch(/receiver: waits for Channel 1 at test/);
    expect(story).toMatch(/twin \(2\): waits for Mutex 1 at test/);
    expect(story).toMatch(/time passes to 5 ms/);
    expect(story).toMatch(/holder: waits: sleep 7ms at test/);
  });

  it('that the program does not follow fails with a code', async () => {
    const error = await failure(simulate({ schedule: '2:7' }, torn));
    expect(error.cause).toMatchObject({ code: 'ERR_REPLAY_DIVERGED', message: expect.stringContaining('2:7') as string });
    const short = await failure(simulate({ schedule: '900:1' }, torn));
    expect(short.cause).toMatchObject({ code: 'ERR_REPLAY_DIVERGED', message: expect.stringContaining('turn 900') as string });
  });

  it('of a program that fails only sometimes is still reported', async () => {
    let runs = 0;
    const error = await failure(simulate({ seed: 5, seeds: 3 }, () => { if (++runs === 2) throw new Error('once'); }));
    expect(error.message).toBe('once (to repeat it: simulate({ seed: 6 }, fn))');
  });

  it('is not looked for when that is not wanted', async () => {
    let runs = 0;
    const error = await failure(simulate({ seed: 1, seeds: 5, shrink: false }, () => { runs++; throw new Error('always'); }));
    expect([error.story, runs]).toEqual([undefined, 1]);
  });
});

describe('shrink', () => {
  const fewest = async (count: number, needed: number[]) => {
    let runs = 0;
    const all = new Map(Array.from({ length: count }, (_, i) => [String(i + 1), 3] as const));
    const result = await shrink(all, (following) => {
      runs++;
      for (let turn = 1; turn <= count; turn++) following.choose(turn, new Array<never>(4));
      return Promise.resolve(needed.every((n) => (following.made.get(String(n)) ?? 0) >= 2));
    });
    return { result: [...result], runs };
  };

  it('keeps what is needed, as small as it may be', async () => {
    expect((await fewest(100, [17, 71])).result).toEqual([['17', 2], ['71', 2]]);
    expect((await fewest(1, [1])).result).toEqual([['1', 2]]);
    expect((await fewest(50, [])).result).toEqual([]);
    expect((await fewest(100, [17, 71])).runs).toBeLessThan(120);
  });
});

it('the place of a stack is the newest line of the program', () => {
  const here = process.cwd();
  expect(placeOf(`    at sleep (${here}/lib/coroutine/sleep.ts:3:4)\n    at work (file://${here}/app.js:7:9)`)).toBeDefined();
  expect(placeOf(`    at park (node:internal/x:1:2)\n    at work (/srv/app.js:7:9)\n    at other (/srv/b.js:1:1)`)).toBe('/srv/app.js:7:9');
  expect(placeOf('    at file:///srv/app.js:7:9')).toBe('/srv/app.js:7:9');
  expect(placeOf('')).toBeUndefined();
});
