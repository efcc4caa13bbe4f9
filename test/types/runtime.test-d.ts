// Checked by `npm run lint`, which compiles it; nothing here runs.
import type { Stats } from 'node:fs';
import { describe, expectTypeOf, it } from 'vitest';

import type { ScopeFailedError,
  TimeoutError} from 'stackful';
import {
  atomic, configure, type Coroutine, scope, type SchedulingPolicy, type Scope, shield, sleep, spawn, timeout, type TimeoutScope, wait, waitCallback, waitEach, waitOnce, withSignal,
} from 'stackful';

describe('types', () => {
  it('results come through', () => {
    expectTypeOf(timeout(1, () => 'text')).toEqualTypeOf<string>();
    expectTypeOf(timeout(1, () => 'text', () => 1)).toEqualTypeOf<string | number>();
    expectTypeOf(timeout).parameter(1).parameters.toEqualTypeOf<[TimeoutScope]>();
    expectTypeOf(shield(() => 1)).toEqualTypeOf<number>();
    expectTypeOf(atomic(() => 1)).toEqualTypeOf<number>();
    expectTypeOf(withSignal(new AbortController().signal, () => 1)).toEqualTypeOf<number>();
    expectTypeOf(scope((s) => s.spawn(() => 1))).toEqualTypeOf<Coroutine<number>>();
    expectTypeOf(scope((s) => s.spawn(() => 1).join())).toEqualTypeOf<number>();
    expectTypeOf<Scope['spawn']>().parameter(1).toEqualTypeOf<Parameters<typeof spawn>[1]>();
    expectTypeOf(wait(Promise.resolve('text'))).toEqualTypeOf<string>();
    expectTypeOf(wait(spawn(() => 1))).toEqualTypeOf<number>();
    expectTypeOf(waitCallback<Stats>(() => undefined)).toEqualTypeOf<Stats>();
    expectTypeOf(waitOnce(process, 'exit')).toEqualTypeOf<unknown[]>();
    expectTypeOf(waitEach((async function* () { yield 1; })())).toEqualTypeOf<Generator<number, void, undefined>>();
  });

  it('errors say what they carry', () => {
    const error: unknown = undefined;
    const within = undefined as unknown as TimeoutScope;
    if (within.caused(error)) expectTypeOf(error).toEqualTypeOf<TimeoutError>();
    expectTypeOf<ScopeFailedError['code']>().toEqualTypeOf<'ERR_SCOPE_FAILED'>();
    expectTypeOf<TimeoutError['scope']>().toEqualTypeOf<TimeoutScope | undefined>();
  });

  it('mistakes are found', () => {
    // @ts-expect-error the time comes first
    expectTypeOf(timeout).toBeCallableWith(() => 1, 1);
    // @ts-expect-error a signal, not its controller
    expectTypeOf(sleep).toBeCallableWith(1, { signal: new AbortController() });
    // @ts-expect-error no such policy
    expectTypeOf(configure).toBeCallableWith({ schedulingPolicy: 'lifo' });
    // @ts-expect-error no such priority
    expectTypeOf(spawn).toBeCallableWith(() => 1, { priority: 3 });
    expectTypeOf<{ ready(): void }>().not.toExtend<SchedulingPolicy>();
  });
});
