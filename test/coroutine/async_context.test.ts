import { AsyncLocalStorage, AsyncResource, createHook, executionAsyncId, executionAsyncResource, triggerAsyncId } from 'node:async_hooks';
import { context, createContextKey, ROOT_CONTEXT, type ContextManager } from '@opentelemetry/api';
import { AsyncHooksContextManager, AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { describe, expect, it } from 'vitest';

import { sleep, spawn, wait, yieldNow } from 'stackful';

import { runChild } from '../support/child.js';
import { nodeKnows, v8Knows } from '../support/flags.js';

describe('async scopes left across parks', () => {
  it('are each coroutine’s own, in any order of their ends', async () => {
    const ids = await Promise.all([3, 1, 2].map((ms, i) => spawn(() => {
      const resource = new AsyncResource(`R${String(i)}`);
      return resource.runInAsyncScope(() => {
        const inside = executionAsyncId();
        sleep(ms);
        yieldNow();
        wait(Promise.resolve());
        new AsyncResource('inner').runInAsyncScope(() => { sleep(ms); });
        return [resource.asyncId(), inside, executionAsyncId()];
      });
    })));
    for (const [own, before, after] of ids) {
      expect(before).toBe(own);
      expect(after).toBe(own);
    }
    // The host's own scopes are whole: Node would have aborted the process.
    await new Promise((resolve) => setTimeout(resolve, 1));
  });
});

describe('AsyncLocalStorage', () => {
  it('follows the coroutine', async () => {
    const storage = new AsyncLocalStorage<string>();
    const inherited = storage.run('outer', () => spawn(() => { yieldNow(); return storage.getStore(); }));
    const others = ['a', 'b', 'c'].map((name) => spawn(() => storage.run(name, () => {
      const seen = [];
      for (let i = 0; i < 5; i++) {
        sleep(0.3);
        seen.push(storage.getStore(), wait(Promise.resolve().then(() => storage.getStore())));
      }
      return seen.every((store) => store === name);
    })));
    expect(await inherited).toBe('outer');
    expect(await Promise.all(others)).toEqual([true, true, true]);
    expect(storage.getStore()).toBeUndefined();
  });

  it('left with exit() in one coroutine is there for the others, and back afterwards', async () => {
    const storage = new AsyncLocalStorage<string>();
    const leaver = storage.run('mine', () => spawn(() => {
      const inside = storage.exit((...args: number[]) => { yieldNow(); return [storage.getStore(), ...args]; }, 1, 2);
      return [inside, storage.getStore()];
    }));
    const other = storage.run('theirs', () => spawn(() => { yieldNow(); return storage.getStore(); }));
    const onMain = storage.run('main', () => [storage.exit(() => storage.getStore()), storage.getStore()]);
    expect(await other).toBe('theirs');
    expect(await leaver).toEqual([[undefined, 1, 2], 'mine']);
    expect(onMain).toEqual([undefined, 'main']);
  });

  it('keeps a store entered in a coroutine to itself, and forgets it with the coroutine', async () => {
    const storage = new AsyncLocalStorage<number>();
    const seen = await Promise.all([1, 2, 3].map((n) => spawn(() => {
      if (n !== 2) storage.enterWith(n);
      yieldNow();
      return storage.getStore();
    })));
    expect(seen).toEqual([1, undefined, 3]);
    expect(await spawn(() => storage.getStore())).toBeUndefined();
    expect(storage.getStore()).toBeUndefined();
  });

  // AsyncContextFrame and stores on resources must both work, on every Node.
  const variants = [[], ['--no-async-context-frame'], ['--experimental-async-context-frame'], ['--stress-scavenge=50'],
    ['--scavenger-chaos-mode', '--stress-scavenge=60'], ['--minor-ms'], ['--gc-interval=500']];
  for (const flags of variants) {
    it.skipIf(!flags.every((flag) => nodeKnows(flag) || v8Knows(flag)))(
      `in many coroutines, with collections between: ${flags.join(' ') || 'no flags'}`, async () => {
        const result = await runChild('async_context.mjs', [60, 10], { flags: ['--expose-gc', ...flags] });
        expect(result).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^ok \d{4}/) as string });
      });
  }
});

describe('async hooks', () => {
  it('see a coroutine as a resource, whose turns nest like callbacks', async () => {
    const events: [event: string, id: number][] = [];
    const ours = new Set<number>();
    const names: string[] = [];
    const hook = createHook({
      init(id, type, trigger, resource) {
        if (type !== 'COROUTINE') return;
        ours.add(id);
        names.push((resource as { name: string }).name);
        events.push(['init', id]);
        expect(trigger).toBe(executionAsyncId());
      },
      before(id) { events.push(['before', id]); },
      after(id) { events.push(['after', id]); },
      destroy(id) { events.push(['destroy', id]); },
    }).enable();
    const first = spawn(() => {
      const id = executionAsyncId();
      yieldNow();
      const second = spawn(() => {
        yieldNow();
        sleep(1);
        expect(triggerAsyncId()).toBe(id);
        return executionAsyncId();
      }, { name: 'second' });
      expect(executionAsyncResource()).toBe(first);
      const other = second.join();
      wait(Promise.resolve());
      expect(executionAsyncId()).toBe(id);
      return [id, other];
    }, { name: 'first' });
    const [one, two] = await first;
    await new Promise((resolve) => setTimeout(resolve, 5));
    hook.disable();
    expect([...ours]).toEqual([one, two]);
    expect(names).toEqual(['first', 'second']);
    const open: number[] = [];
    for (const [event, id] of events) {
      if (event === 'before') open.push(id);
      // A scope that was open when the hook was installed ends without having begun.
      if (event === 'after' && open.length > 0) expect(open.pop()).toBe(id);
    }
    const turns = (id: number | undefined) => events.filter((e) => e[1] === id).map(([event]) => event).join(' ');
    expect(turns(one)).toMatch(/^init( before after){3,} destroy$/);
    expect(turns(two)).toMatch(/^init( before after){3,} destroy$/);
  });

  it('may come and go while coroutines are parked inside scopes', async () => {
    const runs = Array.from({ length: 6 }, (_, i) => spawn(() => {
      const id = executionAsyncId();
      return new AsyncResource('SCOPE').runInAsyncScope(() => {
        const inside = executionAsyncId();
        for (let n = 0; n < 30; n++) {
          if (n % 3 === i % 3) sleep(0.3);
          else yieldNow();
          if (executionAsyncId() !== inside || triggerAsyncId() !== id) return 'other ids';
        }
        return 'same ids';
      });
    }));
    for (let n = 0; n < 10; n++) {
      const hook = createHook({ before() { /* only to be called */ } });
      hook.enable();
      await new Promise((resolve) => setTimeout(resolve, 1));
      hook.disable();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(new Set(await Promise.all(runs))).toEqual(new Set(['same ids']));
  });

  it('are not needed for ids of one’s own that stay the same', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => spawn(() => {
      const before = executionAsyncId();
      sleep(1);
      yieldNow();
      return executionAsyncId() === before ? before : 0;
    })));
    expect(new Set(ids).size).toBe(3);
    expect(ids).not.toContain(0);
  });
});

describe('OpenTelemetry', () => {
  const key = createContextKey('test');
  const managers: [name: string, make: () => ContextManager & { enable(): unknown; disable(): unknown }][] = [
    ['AsyncLocalStorageContextManager', () => new AsyncLocalStorageContextManager()],
    ['AsyncHooksContextManager', () => new AsyncHooksContextManager()],
  ];
  for (const [name, make] of managers) {
    it(`${name} keeps the context of each coroutine`, async () => {
      const manager = make();
      manager.enable();
      context.disable();
      expect(context.setGlobalContextManager(manager)).toBe(true);
      try {
        const active = () => context.active().getValue(key);
        const all = [1, 2, 3, 4].map((n) => context.with(ROOT_CONTEXT.setValue(key, n), () => spawn(() => {
          const seen = [active()];
          for (let i = 0; i < 6; i++) {
            if (i % 2) sleep(0.2 * n);
            else yieldNow();
            seen.push(active(), wait(Promise.resolve().then(active)));
            // AsyncHooksContextManager keeps one stack of `with`s a turn: a park inside one ends it there, as an await does.
            context.with(context.active().setValue(key, n + 10), () => { seen.push((active() as number) - 10); });
          }
          return seen.every((value) => value === n) ? 'own' : seen.join();
        })));
        expect(await Promise.all(all)).toEqual(['own', 'own', 'own', 'own']);
        expect(active()).toBeUndefined();
      } finally {
        context.disable();
        manager.disable();
      }
    });
  }
});
