// Checked by `npm run lint`, which compiles it; nothing here runs.
import { describe, expectTypeOf, it } from 'vitest';

import { CANCELED, create, join, Key, Mutex, over, type Thread } from 'stackful/threads';

describe('types', () => {
  it('of a join are those of the start function', () => {
    const thread = create((n: number) => String(n), 1);
    expectTypeOf(thread).toEqualTypeOf<Thread<string>>();
    const joined = join(thread);
    expectTypeOf(joined).toEqualTypeOf<string | typeof CANCELED>();
    if (joined !== CANCELED) expectTypeOf(joined).toEqualTypeOf<string>();
    // @ts-expect-error: the argument is not what the function takes
    create((n: number) => n, 'one');
  });

  it('of a module are given, or unknown', () => {
    expectTypeOf(create(new URL('file:///a.mjs'), [1])).toEqualTypeOf<Thread>();
    expectTypeOf(over('workers').create<Date>('./a.mjs')).toEqualTypeOf<Thread<Date>>();
  });

  it('of both kinds of threads are the same', async () => {
    expectTypeOf(new (over('workers').Mutex)({ type: 'recursive' })).toEqualTypeOf<Mutex>();
    expectTypeOf(await create(() => 1)).toEqualTypeOf<number | typeof CANCELED>();
    // @ts-expect-error: there are three types
    new Mutex({ type: 'robust' });
  });

  it('of a key is that of its values', () => {
    const key = new Key((value: Date) => { value.getTime(); });
    expectTypeOf(key.get()).toEqualTypeOf<Date | undefined>();
  });
});
