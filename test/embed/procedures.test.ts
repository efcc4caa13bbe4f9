import { createTRPCClient, httpLink, TRPCClientError } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import { createHTTPServer } from '@trpc/server/adapters/standalone';
import { buildSchema, graphql } from 'graphql';
import { afterAll, describe, expect, it } from 'vitest';

import { CancelledError, current, Event, sleep, wait } from 'stackful';
import { coroutine } from 'stackful/embed';

it('resolves fields of GraphQL, each in a coroutine', async () => {
  const schema = buildSchema('type Query { a(n: Int): Int, b: String }');
  const rootValue = {
    a: coroutine(({ n }: { n: number }) => (sleep(1), n + 1)),
    b: coroutine(() => { throw new Error('no b'); }),
  };
  const { data, errors } = await graphql({ schema, source: '{ a(n: 4) b }', rootValue });
  expect(data).toEqual({ a: 5, b: null });
  expect(errors).toEqual([expect.objectContaining({ message: 'no b' })]);
});

describe('tRPC', () => {
  const { router, procedure } = initTRPC.create();
  const reported: unknown[] = [];
  const hangs = new Event();
  const ended = new Event();
  let reason: unknown;
  const waits = procedure.use(coroutine(({ next }) => {
    sleep(1);
    return wait(next());
  }));
  const app = router({
    name: waits.query(coroutine((_options: { signal?: AbortSignal }) => (sleep(1), current()!.name))),
    fail: waits.query(coroutine(function failing(): never { throw new RangeError('a mistake'); })),
    hang: waits.query(coroutine((_options: { signal?: AbortSignal }) => {
      try {
        hangs.set();
        sleep(60_000);
      } catch (error) {
        reason = error;
        throw error;
      } finally {
        ended.set();
      }
    })),
  });
  const server = createHTTPServer({ router: app, onError: ({ error }) => { reported.push(error.cause); } });
  server.listen(0, '127.0.0.1');
  afterAll(() => { server.close(); });
  const client = () => createTRPCClient<typeof app>({
    links: [httpLink({ url: `http://127.0.0.1:${String((server.address() as { port: number }).port)}` })],
  });

  it('runs procedures and middleware in coroutines, with the name of the procedure', async () => {
    expect(await client().name.query()).toBe('name');
  });

  it('tells its client of what one throws', async () => {
    const error = await client().fail.query().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TRPCClientError);
    expect((error as Error).message).toBe('a mistake');
    expect((reported.pop() as Error).stack).toContain('failing');
  });

  it('cancels the procedure of a client that leaves', async () => {
    const leaving = new AbortController();
    const asked = client().hang.query(undefined, { signal: leaving.signal }).catch((error: unknown) => error);
    await coroutine(() => { hangs.wait(); })();
    leaving.abort();
    await asked;
    await coroutine(() => { ended.wait(); })();
    expect(reason).toBeInstanceOf(CancelledError);
  });
});
