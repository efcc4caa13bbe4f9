import { configure, spawn } from 'stackful';
import { afterEach, expect, test } from 'vitest';

afterEach(() => {
  configure({ stackSize: 256 * 1024 });
});

/** How deep a coroutine of the default stack size can recurse. */
async function depth(): Promise<number> {
  return spawn(() => {
    let reached = 0;
    const deeper = (): void => {
      reached++;
      deeper();
    };
    try {
      deeper();
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
    return reached;
  });
}

test('the default stack size is that of coroutines spawned afterwards', async () => {
  const before = await depth();
  configure({ stackSize: 1024 * 1024 });
  expect(await depth()).toBeGreaterThan(2 * before);
});

test('a size out of range is refused and changes nothing', async () => {
  expect(() => {
    configure({ stackSize: 1000 });
  }).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
  await expect(spawn(() => 1)).resolves.toBe(1);
});

test('nothing is changed when one of several values is refused', async () => {
  expect(() => {
    configure({ maxCoroutines: 1, stackSize: 1 });
  }).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
  expect(() => {
    configure({ maxCoroutines: 1, timeSlice: -1 });
  }).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
  expect(await Promise.all([1, 2].map((n) => spawn(() => n)))).toEqual([1, 2]);
});
