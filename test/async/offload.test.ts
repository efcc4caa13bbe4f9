import { threadId } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

import { atomic, NotInCoroutineError, offload, sleep, spawn, timeout } from 'stackful';

const module = new URL('../workers/work.mjs', import.meta.url);

describe('offload', () => {
  it('runs on another thread, while other coroutines go on', async () => {
    let others = 0;
    const ticker = spawn(() => { for (;;) { sleep(0.5); others++; } });
    ticker.then(undefined, () => undefined);
    await spawn(() => {
      expect(offload<number>(module, ['double', 21])).toBe(42);
      expect(offload<string>(module.href, ['later', 'text'])).toBe('text');
      expect(offload<number>(module.pathname, ['thread'])).not.toBe(threadId);
      expect(offload(module)).toBeUndefined();
    });
    ticker.cancel();
    expect(others).toBeGreaterThan(0);
  });

  it('throws what the module throws, and says what cannot be', async () => {
    await spawn(() => {
      expect(() => offload(module, ['fail'])).toThrow(expect.objectContaining({ message: 'inner', code: 'ERR_MINE' }));
      expect(() => offload(module, [() => 1])).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
      expect(() => offload('./nowhere.mjs')).toThrow(expect.objectContaining({ code: 'ERR_MODULE_NOT_FOUND' }));
      expect(() => offload('no-such-package')).toThrow(expect.objectContaining({ code: 'MODULE_NOT_FOUND' }));
      expect(() => offload(1 as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
      expect(() => offload(module, 'x' as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
      expect(() => atomic(() => offload(module))).toThrow(expect.objectContaining({ code: 'ERR_ATOMIC_SECTION' }));
    });
    expect(() => offload(module)).toThrow(NotInCoroutineError);
  });

  it('given up, ends the work, even a loop without an end', async () => {
    await spawn(() => {
      expect(timeout(200, () => offload(module, ['spin']), () => 'timed out')).toBe('timed out');
      expect(() => offload(module, ['spin'], { signal: AbortSignal.timeout(200) }))
        .toThrow(expect.objectContaining({ name: 'TimeoutError' }));
      expect(offload<number>(module, ['double', 1])).toBe(2);
    });
  });
});
