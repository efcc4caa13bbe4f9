import { describe, expect, it } from 'vitest';

import { CoroutineLocal, sleep, spawn } from 'stackful';

describe('CoroutineLocal', () => {
  it('is each coroutine\'s own, across parks, and inherited by those it spawns', async () => {
    const local = new CoroutineLocal<string>();
    const other = new CoroutineLocal<number>();
    const all = ['a', 'b', 'c'].map((name) => spawn(() => {
      expect(local.get()).toBe(undefined);
      return local.run(name, () => {
        sleep(1);
        expect(local.get()).toBe(name);
        expect(other.run(1, () => [local.get(), other.get()])).toEqual([name, 1]);
        const child = spawn(() => { sleep(2); return local.get(); });
        return local.run('inner', () => {
          sleep(1);
          expect(child.join()).toBe(name);
          return `${name} ${local.get()}`;
        });
      });
    }));
    expect(await Promise.all(all)).toEqual(['a inner', 'b inner', 'c inner']);
  });

  it('works on the main stack, and is put back however the function ends', async () => {
    const local = new CoroutineLocal<string>();
    let child!: PromiseLike<string | undefined>;
    expect(() => local.run('outer', () => {
      child = spawn(() => local.get());
      expect(local.get()).toBe('outer');
      throw new Error('thrown');
    })).toThrow('thrown');
    expect(local.get()).toBe(undefined);
    expect(await child).toBe('outer');
    expect(() => local.run('x', 1 as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error);
  });

  it('keeps undefined apart from nothing', async () => {
    const local = new CoroutineLocal<string | undefined>();
    await spawn(() => {
      local.run('a', () => { local.run(undefined, () => { expect(local.get()).toBe(undefined); }); });
    });
  });
});
