import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { CancelledError, NotInCoroutineError, spawn, timeout, wait, yieldNow, type Coroutine } from 'stackful';
import { unwatchFile, watch, watchFile } from 'stackful/fs';

import { temporaryDirectory, thrown } from './support.js';

const directory = temporaryDirectory();
const at = (...names: string[]) => join(directory, ...names);
const tick = () => { wait(new Promise((resolve) => { setImmediate(resolve); })); };
const parked = (c: Coroutine<unknown>) => { while (c.state === 'ready') yieldNow(); };

describe('watch', () => {
  it('gives changes from its call on', async () => {
    fs.mkdirSync(at('watched'));
    await spawn(() => {
      const changes = watch(at('watched'));
      fs.writeFileSync(at('watched', 'a'), '');
      const seen: string[] = [];
      const watching = spawn(() => {
        for (const { eventType, filename } of changes) {
          seen.push(`${eventType} ${String(filename)}`);
          if (filename === 'b') break;
        }
      });
      parked(watching);
      fs.writeFileSync(at('watched', 'b'), '');
      watching.join();
      expect(seen[0]).toBe('rename a');
      expect(seen.at(-1)).toBe('rename b');
      expect(changes.next()).toEqual({ done: true, value: undefined });
    });
  });

  it('ends early, by a signal and by its close', async () => {
    await spawn(() => {
      const changes = watch(at('watched'));
      const watching = spawn(() => { for (const _ of changes); });
      parked(watching);
      while (!watching.parkedOn?.startsWith('fs.watch')) tick();
      expect(watching.parkedOn).toBe(`fs.watch ${at('watched')}`);
      watching.cancel();
      expect(thrown(() => { watching.join(); })).toBeInstanceOf(CancelledError);
      expect(changes.next().done).toBe(true);
      const controller = new AbortController();
      const aborted = spawn(() => thrown(() => [...watch(at('watched'), { signal: controller.signal })]));
      while (!aborted.parkedOn?.startsWith('fs.watch')) tick();
      controller.abort(new Error('away'));
      expect(aborted.join().message).toBe('away');
      using closed = watch(at('watched'));
      const ended = spawn(() => [...closed].length);
      while (!ended.parkedOn?.startsWith('fs.watch')) tick();
      closed.close();
      expect(ended.join()).toBe(0);
      expect(timeout(2, () => { watch(at('watched')).next(); return 1; }, () => 'late')).toBe('late');
    });
    expect(() => watch(at('watched')).next()).toThrow(NotInCoroutineError);
  });

  it('says what it cannot watch, and when too much happens', async () => {
    expect(thrown(() => watch(at('nobody'))).code).toBe('ENOENT');
    expect(thrown(() => watch(at('watched'), { maxQueue: 0 })).code).toBe('ERR_OUT_OF_RANGE');
    expect(thrown(() => watch(at('watched'), { overflow: 'drop' as any })).code).toBe('ERR_INVALID_ARG_VALUE');
    await spawn(() => {
      using changes = watch(at('watched'), { maxQueue: 2, overflow: 'throw' });
      for (let i = 0; i < 20; i++) fs.writeFileSync(at('watched', `c${String(i)}`), '');
      for (let i = 0; i < 20; i++) tick();
      expect(thrown(() => [...changes]).code).toBe('ERR_FS_WATCH_QUEUE_OVERFLOW');
    });
  });

  it('watchFile looks at a file, which need not be there', async () => {
    await spawn(() => {
      const changes = watchFile(at('later'), { interval: 3 });
      const watching = spawn(() => {
        for (const { current, previous } of changes) {
          if (current.size === 5) return previous;
          // It has seen that there is none.
          fs.writeFileSync(at('later'), '12345');
        }
        return undefined;
      });
      expect(watching.join()).toBeInstanceOf(fs.Stats);
      const others = [1, 2].map(() => spawn(() => [...watchFile(at('later'), { interval: 5, bigint: true })].length));
      for (const c of others) parked(c);
      unwatchFile(at('later'));
      expect(others.map((c) => c.join())).toEqual([0, 0]);
      unwatchFile(at('later'));
    });
  });
});
