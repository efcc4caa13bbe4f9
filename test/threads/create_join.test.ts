import { describe, expect, it } from 'vitest';

import { CancelledError, sleep, spawn, timeout, yieldNow } from 'stackful';
import { inCoroutine } from 'stackful/embed';
import { CANCELED, create, detach, equal, exit, join, over, self, ThreadExitError, type Thread, type ThreadKind } from 'stackful/threads';

const parts = new URL('./programs/parts.mjs', import.meta.url);
const withCode = (code: string) => expect.objectContaining({ code }) as never;

describe('create', () => {
  it('starts a thread with its argument, and does not wait for it', inCoroutine(() => {
    const order: string[] = [];
    const thread = create((what: string) => { order.push(what); }, 'the thread');
    order.push('its creator');
    join(thread);
    expect(order).toEqual(['its creator', 'the thread']);
  }));

  it('works on the main stack, whose code can await the thread', async () => {
    expect(await create(() => (sleep(1), 'slept'))).toBe('slept');
    await expect(create(() => { throw new RangeError('too far'); })).rejects.toThrow(new RangeError('too far'));
  });

  it('gives each thread a number of its own', inCoroutine(() => {
    const threads = Array.from({ length: 20 }, () => create(() => self().id));
    const ids = threads.map((thread) => thread.id);
    expect(threads.map((thread) => join(thread))).toEqual(ids);
    expect(new Set(ids).size).toBe(20);
  }));

  it('refuses what it cannot start', () => {
    expect(() => create(7 as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    expect(() => create(() => 1, 1, { nam: 'x' } as never)).toThrow(withCode('ERR_UNKNOWN_OPTION'));
    expect(() => create(() => 1, 1, { name: 1 } as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    expect(() => create(() => 1, 1, { detached: 1 } as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    expect(() => create(() => 1, 1, { stackSize: 1 })).toThrow(withCode('ERR_OUT_OF_RANGE'));
    expect(() => over('workers').create(() => 1)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    expect(() => over('fibers' as never)).toThrow(withCode('ERR_INVALID_ARG_VALUE'));
  });
});

describe('join', () => {
  it('returns at once for a thread that has ended', inCoroutine(() => {
    const thread = create(() => 5);
    while (thread.runner!.state !== 'done') yieldNow();
    expect(join(thread)).toBe(5);
  }));

  it('throws what the thread failed with', inCoroutine(() => {
    const error = new Error('failed');
    const thread = create(() => { throw error; });
    expect(() => join(thread)).toThrow(error);
    expect(() => join(thread)).toThrow(withCode('ESRCH'));
  }));

  it('is for one thread, once, and not for the thread itself', inCoroutine(() => {
    expect(() => join(self())).toThrow(withCode('EDEADLK'));
    const thread = create(() => sleep(5));
    const other = create(() => join(thread));
    yieldNow();
    expect(() => join(thread)).toThrow(withCode('EINVAL'));
    expect(() => { detach(thread); }).toThrow(withCode('EINVAL'));
    join(other);
    expect(() => join(thread)).toThrow(withCode('ESRCH'));
    expect(() => { detach(thread); }).toThrow(withCode('ESRCH'));
    expect(() => join({} as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
  }));

  it('leaves the thread joinable when it is ended early', inCoroutine(() => {
    const thread = create(() => (sleep(20), 'there'));
    expect(timeout(1, () => join(thread), () => 'not yet')).toBe('not yet');
    expect(() => join(thread, { signal: AbortSignal.abort(new Error('no longer')) })).toThrow('no longer');
    expect(join(thread)).toBe('there');
  }));

  it('tells two threads that join each other', inCoroutine(() => {
    const first: Thread = create(() => join(second));
    const second: Thread = create(() => {
      try {
        return join(first);
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    });
    while (first.runner!.state !== 'done') yieldNow();
    expect(join(first)).toBe('ERR_DEADLOCK');
  }));
});

describe('detach', () => {
  it('makes a thread one that cannot be joined', inCoroutine(() => {
    const done: string[] = [];
    const thread = create(() => { done.push('done'); });
    detach(thread);
    expect(() => join(thread)).toThrow(withCode('EINVAL'));
    expect(() => { detach(thread); }).toThrow(withCode('EINVAL'));
    const born = create(() => { done.push('born detached'); }, undefined, { detached: true });
    expect(() => join(born)).toThrow(withCode('EINVAL'));
    while (done.length < 2) yieldNow();
  }));

  it('lets no await join it, either', async () => {
    await expect(create(() => 1, undefined, { detached: true })).rejects.toThrow(withCode('EINVAL'));
  });

  it('can be called by the thread itself', inCoroutine(() => {
    let detached = false;
    const thread = create(() => { detach(self()); detached = true; });
    while (!detached) yieldNow();
    expect(() => join(thread)).toThrow(withCode('EINVAL'));
  }));
});

describe('self and equal', () => {
  it('tell threads apart', inCoroutine(() => {
    const thread: Thread = create(() => equal(self(), thread) && self() === thread);
    expect(equal(self(), thread)).toBe(false);
    expect(join(thread)).toBe(true);
  }));

  it('know coroutines that create did not make', async () => {
    const task = spawn(() => {
      expect(() => exit(1)).toThrow(withCode('ESRCH'));
      return [self()];
    }, { name: 'task' });
    const [thread] = await task;
    expect(thread!.name).toBe('task');
    expect(await thread).toEqual([thread]);
  });

  it('need a coroutine', () => {
    expect(() => self()).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    expect(() => exit()).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
  });
});

describe('exit', () => {
  it('ends the thread from however deep, and runs finally blocks, which may wait', inCoroutine(() => {
    const order: string[] = [];
    const thread = create(() => {
      try {
        [3, 4].forEach((n) => { exit(n); });
      } finally {
        sleep(1);
        order.push('finally');
      }
    });
    expect([join(thread), order]).toEqual([3, ['finally']]);
  }));

  it('decides the result also when a catch block keeps its error', inCoroutine(() => {
    const caught: unknown[] = [];
    const thread = create(() => {
      try {
        exit('first');
      } catch (error) {
        caught.push(error);
      }
      return 'second';
    });
    expect(join(thread)).toBe('first');
    expect(caught).toEqual([expect.any(ThreadExitError)]);
  }));
});

describe.each<ThreadKind>(['coroutines', 'workers'])('names over %s', (kind) => {
  const threads = over(kind);

  it('are given, read and changed, also by others', inCoroutine(() => {
    const thread = threads.create(parts, undefined, { name: 'färber', entry: 'renamesItself' });
    expect(thread.name).toBe('färber');
    expect(threads.join(thread)).toBe('färber');
    expect(thread.name).toBe('renamed');
    expect(threads.create(parts, 1, { detached: true, entry: 'echo' }).name).toBe('');
  }));

  it('have 63 bytes at most', inCoroutine(() => {
    expect(() => threads.create(parts, 1, { name: 'é'.repeat(32) })).toThrow(withCode('ERANGE'));
    const thread = threads.create(parts, 1, { name: 'é'.repeat(31), entry: 'echo' });
    expect(() => { thread.name = 'x'.repeat(64); }).toThrow(withCode('ERANGE'));
    expect([threads.join(thread), thread.name]).toEqual([1, 'é'.repeat(31)]);
  }));
});

describe.each<ThreadKind>(['coroutines', 'workers'])('modules over %s', (kind) => {
  const threads = over(kind);

  it('export start functions', inCoroutine(() => {
    const given = { list: [1, { two: 2 }], map: new Map([['a', new Set([1])]]) };
    expect(threads.join(threads.create(parts, given, { entry: 'echo' }))).toEqual(given);
    expect(threads.join(threads.create(parts.href, 20))).toBe(21);
  }));

  it('that have none make the thread fail', inCoroutine(() => {
    expect(() => threads.join(threads.create(parts, 1, { entry: 'none' }))).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    expect(() => threads.join(threads.create('./does/not/exist.mjs'))).toThrow(withCode('ERR_MODULE_NOT_FOUND'));
  }));

  it('fail with errors that keep what they say', inCoroutine(() => {
    const failing = threads.create(parts, undefined, { entry: 'fails' });
    expect(() => threads.join(failing)).toThrow(expect.objectContaining({ name: 'TypeError', message: 'it failed', code: 'EFAIL' }));
    const exiting = threads.create(parts, 5, { entry: 'exitsDeep' });
    expect(threads.join(exiting)).toBe(5);
  }));

  it('have keys of their own', inCoroutine(() => {
    const cell = new Int32Array(new SharedArrayBuffer(4));
    const results = [1, 2].map(() => threads.join(threads.create(parts, { cell }, { entry: 'setsKey' })));
    expect([results, cell[0]]).toEqual([[[undefined, true], [undefined, true]], 4]);
  }));

  it('know over what they run', inCoroutine(() => {
    expect(threads.join(threads.create(parts, undefined, { entry: 'kindOfThreads' }))).toEqual([kind, kind]);
  }));

  it('are cancelled before they start', inCoroutine(() => {
    const sleeper = threads.create(parts, undefined, { entry: 'sleepsLong' });
    threads.cancel(sleeper);
    expect(threads.join(sleeper)).toBe(CANCELED);
  }));
});

it('a thread that fails with a CancelledError of another is not cancelled', inCoroutine(() => {
  expect(() => join(create(() => { throw new CancelledError('of another'); }))).toThrow(withCode('ERR_CANCELLED'));
}));
