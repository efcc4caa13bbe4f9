// Checked by `npm run lint`, which compiles it; nothing here runs.
import { readable, type Socket } from 'stackful/net';
import { describe, expectTypeOf, it } from 'vitest';

import {
  after,
  Barrier,
  Channel,
  CoroutineLocal,
  type Coroutine,
  Event,
  Mutex,
  otherwise,
  ReadWriteLock,
  select,
  sending,
} from 'stackful';

declare const socket: Socket;
declare const coroutine: Coroutine<Date>;

describe('types', () => {
  it('of select follow its cases', () => {
    const named = select({
      text: new Channel<string>(),
      sent: sending(new Channel<number>(), 1),
      coroutine,
      promise: Promise.resolve(true),
      event: new Event(),
      late: after(1),
      data: readable(socket),
      otherwise,
    });
    if (named.key === 'text') {
      expectTypeOf(named.value).toEqualTypeOf<string | undefined>();
      if (!named.closed) expectTypeOf(named.value).toEqualTypeOf<string>();
      else expectTypeOf(named.value).toEqualTypeOf<undefined>();
    }
    if (named.key === 'sent') expectTypeOf(named.value).toEqualTypeOf<undefined>();
    if (named.key === 'coroutine') expectTypeOf(named.value).toEqualTypeOf<Date>();
    if (named.key === 'promise') expectTypeOf(named.value).toEqualTypeOf<boolean>();
    if (named.key === 'event') expectTypeOf(named.value).toEqualTypeOf<undefined>();
    if (named.key === 'late') expectTypeOf(named.value).toEqualTypeOf<undefined>();
    if (named.key === 'data') expectTypeOf(named.value).toEqualTypeOf<undefined>();
    if (named.key === 'otherwise') expectTypeOf(named.value).toEqualTypeOf<undefined>();
    // @ts-expect-error there is no such case
    void (named.key === 'other');

    const listed = select([new Channel<string>(), coroutine]);
    expectTypeOf(listed.key).toEqualTypeOf<0 | 1>();
    if (listed.key === 1) expectTypeOf(listed.value).toEqualTypeOf<Date>();

    // @ts-expect-error a number is nothing to wait for
    select([5]);
    // @ts-expect-error the channel takes numbers
    sending(new Channel<number>(), 'x');
  });

  it('of the others', () => {
    expectTypeOf(new Mutex().lock()).toExtend<Disposable>();
    expectTypeOf(new Mutex().tryLock()).toExtend<Disposable | undefined>();
    expectTypeOf(new Mutex().withLock(() => 'x')).toEqualTypeOf<string>();
    expectTypeOf(new ReadWriteLock().read(() => 1)).toEqualTypeOf<number>();
    expectTypeOf(new Barrier(2).wait()).toEqualTypeOf<number>();
    expectTypeOf(new Channel<string>().receive()).toEqualTypeOf<string>();
    for (const value of new Channel<string>()) expectTypeOf(value).toEqualTypeOf<string>();
    expectTypeOf(new CoroutineLocal<number>().get()).toEqualTypeOf<number | undefined>();
    expectTypeOf(new CoroutineLocal<number>().run(1, () => 'x')).toEqualTypeOf<string>();
    // @ts-expect-error it holds numbers
    new CoroutineLocal<number>().run('x', () => 1);
    // @ts-expect-error it takes strings
    new Channel<string>().send(1);
  });
});
