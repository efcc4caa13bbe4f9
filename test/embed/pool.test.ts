import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { CancelledError, Semaphore, simulate, sleep, spawn, timeout, TimeoutError, type Coroutine } from 'stackful';
import { transaction, withClient, type ClientPool, type PooledClient } from 'stackful/embed';

const SIZE = 2;
const QUERY_MS = 3;

/** Lends connections that answer in a moment, and counts them. */
class Pool implements ClientPool {
  lent = 0;
  most = 0;
  closed = 0;
  readonly statements: string[] = [];

  async connect(): Promise<PooledClient> {
    this.most = Math.max(this.most, ++this.lent);
    const release = (failure?: Error | boolean) => {
      this.lent--;
      if (failure) this.closed++;
    };
    // One after the other.
    let last = Promise.resolve({});
    const query = (text: string) => {
      this.statements.push(text);
      return last = last.then(() => spawn(() => { sleep(QUERY_MS); return { command: text }; }).promise);
    };
    return Promise.resolve({ query, release });
  }
}

/** How a coroutine has ended. */
function endOf(request: Coroutine): string {
  try {
    request.join();
    return 'served';
  } catch (error) {
    if (error instanceof TimeoutError) return 'late';
    if (error instanceof CancelledError) return 'cancelled';
    throw error;
  }
}

it('a connection is kept whose query is answered at once', async () => {
  const released: unknown[] = [];
  const client = { query: (text: string) => Promise.resolve(text), release: (failure?: unknown) => { released.push(failure); } };
  const pool = { connect: () => Promise.resolve(client) };
  await spawn(() => { withClient(pool, (query) => query('SELECT 1')); });
  expect(released).toEqual([undefined]);
});

it('a transaction sends nothing while a query that was given up is under way, on a connection that takes one at a time', async () => {
  const sent: string[] = [];
  let busy = false;
  const client = {
    async query(text: string) {
      if (busy) throw new Error('busy');
      sent.push(text);
      busy = true;
      await delay(text === 'slow' ? 20 : 1);
      busy = false;
      return {};
    },
    release: (failure?: unknown) => { sent.push(failure ? 'closed' : 'released'); },
  };
  await spawn(() => transaction({ connect: () => Promise.resolve(client) }, (query) => {
    timeout(5, () => query('slow'), () => undefined);
    query('next');
    timeout(5, () => query('slow'), () => undefined);
  }));
  expect(sent).toEqual(['BEGIN', 'slow', 'next', 'slow', 'COMMIT', 'released']);
});

describe('a pool behind a semaphore', () => {
  it('serves requests in the order in which they came, past those that are cancelled or late while they wait', async () => {
    await simulate({ seeds: 50 }, () => {
      const pool = new Pool();
      const permits = new Semaphore(SIZE);
      const served: number[] = [];
      const requests: Coroutine[] = [];
      for (let i = 0; i < 12; i++) {
        requests.push(spawn(() => timeout(i % 4 === 1 ? 1 : 1000, () => permits.withPermit(() => withClient(pool, (query) => {
          served.push(i);
          query('SELECT 1');
        })))));
        // It has come before the next.
        sleep(0.01);
      }
      for (let i = 6; i < 12; i += 4) requests[i]!.cancel();
      const ends = requests.map(endOf);
      expect(served).toEqual([...served].sort((a, b) => a - b));
      expect(served.length).toBe(ends.filter((end) => end === 'served').length + pool.closed);
      expect(ends.filter((end) => end === 'cancelled').length).toBe(2);
      expect([permits.available, pool.lent, pool.most]).toEqual([SIZE, 0, SIZE]);
    });
  });

  it('loses neither a permit nor a connection, wherever a request is cancelled', async () => {
    await simulate({ seeds: 5, cancelEach: 'victim' }, () => {
      const pool = new Pool();
      const permits = new Semaphore(SIZE);
      const request = () => permits.withPermit(() => transaction(pool, (query) => {
        query('UPDATE');
        query('UPDATE');
      }));
      const all = ['first', 'victim', 'third', 'last'].map((name) => spawn(request, { name }));
      const ends = all.map(endOf);
      expect(ends.filter((end) => end === 'served').length).toBeGreaterThanOrEqual(all.length - 1);
      expect([permits.available, pool.lent, pool.closed]).toEqual([SIZE, 0, 0]);
      const begun = pool.statements.filter((text) => text === 'BEGIN').length;
      const ended = pool.statements.filter((text) => text === 'COMMIT' || text === 'ROLLBACK').length;
      expect(ended).toBeGreaterThanOrEqual(begun);
    });
  });
});
