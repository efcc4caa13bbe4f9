import { describe, expect, it } from 'vitest';

import { sleep } from 'stackful';
import { inCoroutine } from 'stackful/embed';
import { cancel, CANCELED, create, exit, join, Key, over } from 'stackful/threads';

const withCode = (code: string) => expect.objectContaining({ code }) as never;

describe('a key', () => {
  it('has a value in each thread, at first undefined', inCoroutine(() => {
    const key = new Key<string>();
    key.set('mine');
    const values = ['a', 'b'].map((value) => create(() => {
      const before = key.get();
      key.set(value);
      sleep(1);
      return [before, key.get()];
    }));
    expect(values.map((thread) => join(thread))).toEqual([[undefined, 'a'], [undefined, 'b']]);
    expect(key.get()).toBe('mine');
  }));

  it('has its destructor called at the end, however the thread ends', inCoroutine(() => {
    const destroyed: unknown[] = [];
    const key = new Key((value) => { destroyed.push(value); });
    const ends: Record<string, () => unknown> = {
      returns: () => 1,
      exits: () => exit(2),
      'is cancelled': () => sleep(60_000),
      fails: () => { throw new Error('failed'); },
    };
    for (const [how, end] of Object.entries(ends)) {
      const thread = create(() => { key.set(how); return end(); });
      if (how === 'is cancelled') cancel(thread);
      if (how === 'fails') expect(() => join(thread)).toThrow('failed');
      else expect(join(thread)).toBe({ returns: 1, exits: 2, 'is cancelled': CANCELED }[how]);
    }
    expect(destroyed).toEqual(Object.keys(ends));
  }));

  it('has it called with its own value, not for undefined, in the thread, where it may wait', inCoroutine(() => {
    const destroyed: unknown[] = [];
    const [first, second, unset] = [1, 2, 3].map(() => new Key((value) => { sleep(0.5); destroyed.push(value); }));
    const thread = create(() => { first!.set(1); second!.set(2); unset!.set(3); unset!.set(undefined); sleep(60_000); });
    cancel(thread);
    expect(join(thread)).toBe(CANCELED);
    expect(destroyed.sort()).toEqual([1, 2]);
  }));

  it('whose destructor sets it again is destroyed four times', inCoroutine(() => {
    let destructions = 0;
    const stubborn = new Key<number>((value) => { destructions++; stubborn.set(value + 1); });
    const late = new Key<string>((value) => { order.push(value); });
    const early = new Key<string>(() => { late.set('set by a destructor'); });
    const order: string[] = [];
    join(create(() => { stubborn.set(1); }));
    expect(destructions).toBe(4);
    join(create(() => { early.set('x'); }));
    expect(order).toEqual(['set by a destructor']);
  }));

  it('that fails in its destructor makes the thread fail', inCoroutine(() => {
    const key = new Key(() => { throw new Error('cannot clean up'); });
    expect(() => join(create(() => { key.set(1); }))).toThrow('cannot clean up');
  }));

  it('is deleted once, and its destructor is not called any more', inCoroutine(() => {
    const destroyed: unknown[] = [];
    const key = new Key((value) => { destroyed.push(value); });
    join(create(() => { key.set(1); key.delete(); }));
    expect(destroyed).toEqual([]);
    expect(() => key.get()).toThrow(withCode('EINVAL'));
    expect(() => { key.set(1); }).toThrow(withCode('EINVAL'));
    expect(() => { key.delete(); }).toThrow(withCode('EINVAL'));
  }));

  it('belongs to threads, and to one worker', () => {
    expect(() => new Key().get()).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    expect(() => new Key(1 as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    expect(() => over('workers').create('./x.mjs', [new Key()])).toThrow(withCode('ERR_INVALID_ARG_VALUE'));
  });
});
