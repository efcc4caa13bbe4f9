import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, vi } from 'vitest';

import { atomic, current, spawn, sleep, timeout, wait, yieldNow } from 'stackful';
import Fiber from 'stackful/fibers';
import { runChild } from '../support/child.js';

const turn = (ms = 1) => new Promise((resolve) => setTimeout(resolve, ms));
const codeOf = (fn: () => unknown): unknown => {
  try {
    return fn();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
};

describe('a fiber is a coroutine', () => {
  it('that parks in a call of the library: run returns, and it goes on by itself', async () => {
    const log: unknown[] = [];
    const fiber = Fiber((first: string) => {
      log.push(first, current()?.name);
      sleep(1);
      log.push('slept', Fiber.current === fiber, fiber.started);
      log.push(Fiber.yield('to nobody'));
      return 'end';
    });
    log.push(fiber.run('begin'), Fiber.current);
    expect(codeOf(() => fiber.run('lost'))).toBe('ERR_FIBER_PARKED');
    expect(codeOf(() => fiber.throwInto(new Error('lost')))).toBe('ERR_FIBER_PARKED');
    expect(codeOf(() => fiber.reset())).toBe('ERR_FIBER_PARKED');
    await vi.waitFor(() => { expect(log).toContain('slept'); });
    await turn();
    log.push(fiber.run('again'), fiber.started);
    expect(log).toEqual(['begin', 'body', undefined, undefined, 'slept', true, true, 'again', 'end', false]
      .map((entry) => (entry === 'body' ? log[1] : entry)));
  });

  it('and says what it is parked on', () => {
    const fiber = Fiber(() => { sleep(1); });
    fiber.run();
    expect(() => fiber.run()).toThrow('run() cannot resume this Fiber: it is parked on sleep 1ms, and goes on by itself');
  });

  it('whose failure without a run is an unhandled rejection', async () => {
    const result = await runChild('fibers.cjs', ['fails-alone']);
    expect(result).toMatchObject({ exit: 0, stdout: 'run undefined\nunhandled alone\nstarted false\n' });
  });

  it('that can be run by other coroutines, and by fibers that those run', async () => {
    const seen: unknown[] = [];
    const inner = Fiber((x: number) => {
      for (;;) x = Fiber.yield(x * 2);
    });
    const outer = Fiber(() => { seen.push(inner.run(1)); Fiber.yield('outer'); seen.push(inner.run(2)); });
    await spawn(() => {
      seen.push(outer.run());
      sleep(1);
      seen.push(outer.run(), current()!.name);
    }, { name: 'host' });
    expect(seen).toEqual([2, 'outer', 4, undefined, 'host']);
    seen.push(inner.run(3));
    expect(seen.at(-1)).toBe(6);
    inner.reset();
  });

  it('that gives way in yieldNow, which ends the run', async () => {
    let ended = false;
    const fiber = Fiber(() => { yieldNow(); ended = true; });
    expect([fiber.run(), ended, fiber.started]).toEqual([undefined, false, true]);
    await vi.waitFor(() => { expect([ended, fiber.started]).toEqual([true, false]); });
  });

  it('that can wait for promises while a promise callback runs it', async () => {
    const log: unknown[] = [];
    const fiber = Fiber(() => {
      log.push(wait(Promise.resolve().then(() => turn()).then(() => 'value')));
      Fiber.yield();
      log.push('end');
    });
    await Promise.resolve().then(() => { fiber.run(); });
    await vi.waitFor(() => { expect(log).toEqual(['value']); });
    await turn().then(() => { fiber.run(); });
    expect(log).toEqual(['value', 'end']);
  });
});

describe('what ends a wait ends Fiber.yield', () => {
  it('a time limit around it; the fiber goes on by itself then', async () => {
    const log: unknown[] = [];
    const fiber = Fiber(() => {
      log.push(codeOf(() => timeout(1, () => Fiber.yield())));
      log.push(Fiber.current === fiber);
      log.push(Fiber.yield());
    });
    fiber.run();
    await vi.waitFor(() => { expect(log).toEqual(['ERR_TIMEOUT', true]); });
    fiber.run('resumed');
    expect(log).toEqual(['ERR_TIMEOUT', true, 'resumed']);
  });

  it('its cancellation, once; the value of a run in between is refused, not lost', async () => {
    const log: unknown[] = [];
    const fiber = Fiber(() => {
      const self = current()!;
      queueMicrotask(() => {
        self.cancel();
        log.push(codeOf(() => fiber.run('too late')));
      });
      log.push(codeOf(() => Fiber.yield()));
    });
    fiber.run();
    await vi.waitFor(() => { expect(log).toEqual(['ERR_FIBER_PARKED', 'ERR_CANCELLED']); });
    expect(fiber.started).toBe(false);
  });

  it('a cancellation that comes before it: the run waits on', () => {
    const fiber = Fiber(() => {
      current()!.cancel();
      const code = codeOf(() => Fiber.yield('lost'));
      return code;
    });
    expect(fiber.run()).toBe('ERR_CANCELLED');
  });
});

it('a run in an atomic section is refused, and the fiber can be started later', async () => {
  const fiber = Fiber((x: number) => x + 1);
  expect(await spawn(() => [codeOf(() => atomic(() => fiber.run(1))), fiber.started, fiber.run(2)])).toEqual(['ERR_ATOMIC_SECTION', false, 3]);
  const suspended = Fiber(() => Fiber.yield('first'));
  suspended.run();
  expect(await spawn(() => [codeOf(() => atomic(() => suspended.run('x'))), suspended.run('y')])).toEqual(['ERR_ATOMIC_SECTION', 'y']);
});

it('a caller that only runs fibers which read is charged for that: others have their turns', async () => {
  let others = 0;
  let done = false;
  const busy = spawn(() => {
    const fiber = Fiber(() => {
      for (;;) { wait(Promise.resolve()); Fiber.yield(); }
    });
    for (let i = 0; i < 5_000; i++) { fiber.run(); wait(Promise.resolve()); }
    done = true;
    fiber.reset();
  });
  spawn(() => { while (!done) { others++; yieldNow(); } });
  await busy;
  expect(others).toBeGreaterThan(10);
});

describe('AsyncLocalStorage', () => {
  it('a fiber keeps the store that it was started in, whoever resumes it, and its own runs', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const fiber = Fiber(() => {
      seen.push(store.getStore());
      Fiber.yield();
      seen.push(store.getStore());
      store.run('own', () => { Fiber.yield(); seen.push(store.getStore()); sleep(1); seen.push(store.getStore()); Fiber.yield(); });
      seen.push(store.getStore());
    });
    store.run('start', () => { fiber.run(); });
    store.run('other', () => { fiber.run(); seen.push(store.getStore()); });
    seen.push(store.getStore());
    await spawn(() => { fiber.run(); });
    await vi.waitFor(() => { expect(seen).toHaveLength(6); });
    await turn();
    store.run('last', () => { fiber.run(); seen.push(store.getStore()); });
    expect(seen).toEqual(['start', 'start', 'other', undefined, 'own', 'own', 'start', 'last']);
  });

  it('the first use of one, inside a fiber, does not reach the main stack', async () => {
    expect(await runChild('fibers.cjs', ['first-store'])).toMatchObject({ exit: 0, stdout: 'undefined inside undefined\n' });
  });
});

describe('in child processes', () => {
  it.each([
    ['unreachable suspended fibers are unwound and freed', 'leak', ['--expose-gc'], 'freed 3000\n'],
    ['they are unwound later where the first run cannot', 'orphan-in-atomic', ['--expose-gc'], 'ERR_ATOMIC_SECTION\n0\n1\n'],
    ['one that went on by itself and has a new object is not unwound', 'new-object', ['--expose-gc'], 'resumed\n'],
    ['fibers that wait keep the process alive, suspended ones do not', 'alive', [], 'slept\nexit\n'],
    ['worker threads end with fibers suspended, and while one runs', 'workers', [], 'ended 1\nended 1\nended 1\n'],
    ['a fiber that V8 terminates throws that from run', 'terminated', [], 'ERR_TERMINATED false again\n'],
    ['what a fiber writes to a socket leaves with the next turn', 'writes', [], 'got hello\n'],
    ['no time slice ends in a fiber that was resumed', 'slices', [], 'in order\n'],
    ['async hooks installed: ids and callbacks stay in order', 'hooks', [], 'balanced\n'],
  ] as const)('%s', async (_title, name, flags, stdout) => {
    const result = await runChild('fibers.cjs', [name], { flags });
    expect(result).toEqual({ exit: 0, stdout, stderr: '' });
  });

  it.each([[[]], [['--stress-compaction']], [['--gc-interval=200']], [['--always-turbofan', '--no-lazy-feedback-allocation']]])(
    'collections and deoptimizations among runs from everywhere: %j',
    async (flags) => {
      const known = flags.filter((flag) => flag !== '--always-turbofan' || !process.version.startsWith('v26.'));
      const result = await runChild('fibers.cjs', ['torture', flags.length > 0 ? 300 : 3000], { flags: ['--expose-gc', ...known] });
      expect(result).toEqual({ exit: 0, stdout: 'right\n', stderr: '' });
    },
  );
});
