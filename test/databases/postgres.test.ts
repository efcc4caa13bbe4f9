import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { CancelledError, current, scope, Semaphore, sleep, spawn, timeout, TimeoutError, wait } from 'stackful';
import { transaction, withClient } from 'stackful/embed';
import { balancesOf, makeAccounts } from '../support/accounts.js';
import { EARLY_ENDS } from '../support/early_end.js';
import { postgresGate, type Gate } from '../support/gate.js';
import { postgresPrograms, startPostgres, type Postgres } from '../support/postgres.js';

const programs = postgresPrograms();

describe.skipIf(!programs)('PostgreSQL (skipped where it is not installed)', () => {
  let server: Postgres;
  let pool: pg.Pool;
  let keeper: pg.Client;
  let gate: Gate;
  const where = () => ({ host: server.directory, user: 'postgres', database: 'postgres' });

  beforeAll(async () => {
    server = await startPostgres(programs!);
    pool = new pg.Pool({ ...where(), max: 3 });
    keeper = new pg.Client(where());
    await keeper.connect();
    gate = postgresGate(keeper);
    // The server's end is told to connections that are idle.
    pool.on('error', () => undefined);
  }, 60_000);
  afterAll(async () => {
    await pool.end();
    await keeper.end();
    await server.stop();
  });
  beforeEach(async () => {
    await gate.close();
    await makeAccounts(pool);
  });

  const balances = () => balancesOf(pool);
  /** The queries that the server is busy with. */
  const running = async () => (await pool.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
  )).rows[0]!.n;

  it('answers queries of `pg` and of `postgres`', async () => {
    const sql = postgres({ ...where(), max: 2, onnotice: () => undefined });
    expect(await spawn(() => [
      wait(pool.query<{ a: number }>('SELECT $1::int + 1 AS a', [41])).rows[0]!.a,
      withClient(pool, (query) => query<{ a: number }>('SELECT $1::int AS a', [7]).rows[0]!.a),
      wait(sql<{ b: number }[]>`SELECT ${5}::int AS b`)[0]!.b,
    ])).toEqual([42, 7, 5]);
    await sql.end();
  });

  /** Waits for the answer of `postgres`; a query that is given up is ended, after the client's step in which it is sent. */
  const answerOf = <T>(query: PromiseLike<T> & { cancel(): void }) => {
    try {
      return wait(query);
    } catch (error) {
      setImmediate(() => { query.cancel(); });
      throw error;
    }
  };

  it.each(EARLY_ENDS)('ends a query of `postgres` in the server, and its transaction, when %s', async (_why, endEarly) => {
    const sql = postgres({ ...where(), max: 1, onnotice: () => undefined });
    await endEarly(() => scope((calls) => wait(sql.begin((tx) => calls.spawn(() => {
      answerOf(tx`UPDATE accounts SET balance = 0`);
      answerOf(tx`SELECT pg_sleep(60)`);
    }).promise))));
    expect((await sql<{ balance: number }[]>`SELECT balance FROM accounts ORDER BY id`).map(({ balance }) => balance)).toEqual([100, 0]);
    await sql.end();
  });

  it('ends a transaction of `postgres` whose coroutine was cancelled just before a query', async () => {
    const sql = postgres({ ...where(), max: 1, onnotice: () => undefined });
    await expect(sql.begin((tx) => spawn(() => {
      answerOf(tx`UPDATE accounts SET balance = 0`);
      current()!.cancel();
      answerOf(tx`UPDATE accounts SET balance = 1`);
    }).promise)).rejects.toBeInstanceOf(CancelledError);
    // By another connection: the server may get to the cancellation of this one's query only after that, and then it ends the next one.
    expect(await balances()).toEqual([100, 0]);
    await sql.end();
  });

  it('commits what a transaction has done when it returns, and waits for nobody meanwhile', async () => {
    await spawn(() => {
      const all = [10, 20, 30, 5].map((amount) => spawn(() => transaction(pool, (query) => {
        query('UPDATE accounts SET balance = balance - $1 WHERE id = 1', [amount]);
        sleep(1);
        query('UPDATE accounts SET balance = balance + $1 WHERE id = 2', [amount]);
      })));
      for (const one of all) one.join();
    });
    expect(await balances()).toEqual([35, 65]);
    expect(pool.idleCount).toBe(pool.totalCount);
  });

  it('rolls back when its work throws, and keeps the connection', async () => {
    const before = pool.totalCount;
    const error = await spawn(() => transaction(pool, (query) => {
      query('UPDATE accounts SET balance = 0');
      query('SELECT 1 / 0');
    })).then(() => undefined, (e: unknown) => e);
    expect(error).toMatchObject({ code: '22012' });
    expect(await balances()).toEqual([100, 0]);
    expect(pool.totalCount).toBe(before);
  });

  it('throws when the server has rolled back instead, because a query failed whose error was caught', async () => {
    const before = pool.totalCount;
    await expect(spawn(() => transaction(pool, (query) => {
      query('UPDATE accounts SET balance = 0');
      try {
        query('SELECT 1 / 0');
      } catch { /* kept */ }
    })).promise).rejects.toMatchObject({ code: 'ERR_NOT_COMMITTED' });
    expect(await balances()).toEqual([100, 0]);
    expect([pool.totalCount, pool.idleCount]).toEqual([before, before]);
  });

  it('rolls back when a transaction within it was not committed', async () => {
    await expect(spawn(() => transaction(pool, (query) => {
      query('UPDATE accounts SET balance = 0');
      transaction(pool, (other) => {
        try {
          other('SELECT 1 / 0');
        } catch { /* kept */ }
      });
    })).promise).rejects.toMatchObject({ code: 'ERR_NOT_COMMITTED' });
    expect([await balances(), await running()]).toEqual([[100, 0], 0]);
  });

  it.each(EARLY_ENDS)('rolls back when %s, behind the query that was under way', async (_why, endEarly) => {
    const before = pool.totalCount;
    await endEarly(() => transaction(pool, (query) => {
      query('UPDATE accounts SET balance = 0');
      gate.holdUp(() => query(gate.query));
    }, { rollbackTimeout: 60_000 }));
    expect(await balances()).toEqual([100, 0]);
    expect([pool.totalCount, await running()]).toEqual([before, 0]);
  });

  it('closes a connection that does not come to its rollback, and the server rolls back', async () => {
    const error = await spawn(() => timeout(20, () => transaction(pool, (query) => {
      query('UPDATE accounts SET balance = 0');
      query("SET client_connection_check_interval = '10ms'");
      query('SELECT pg_sleep(60)');
    }, { rollbackTimeout: 20 }))).then(() => undefined, (e: unknown) => e);
    expect(error).toBeInstanceOf(TimeoutError);
    for (let i = 0; i < 200 && await running() > 0; i++) await delay(10);
    expect([await balances(), await running(), pool.idleCount]).toEqual([[100, 0], 0, pool.totalCount]);
  });

  it('does not give a connection back whose query was given up', async () => {
    const used = await spawn(() => {
      const id = withClient(pool, (query) => query<{ pid: number }>('SELECT pg_backend_pid() AS pid').rows[0]!.pid);
      try {
        timeout(20, () => { withClient(pool, (query) => { gate.holdUp(() => query(gate.query)); }); });
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
      }
      const next = [1, 2, 3].map(() => withClient(pool, (query) => query<{ pid: number }>('SELECT pg_backend_pid() AS pid').rows[0]!.pid));
      return { id, next };
    });
    expect(used.next).not.toContain(used.id);
    expect(pool.idleCount).toBe(pool.totalCount);
  });

  it('sends nothing for a coroutine that has been cancelled', async () => {
    const work = spawn(() => transaction(pool, (query) => {
      try {
        sleep(60_000);
      } finally {
        query('UPDATE accounts SET balance = 7');
      }
    }));
    await delay(20);
    work.cancel();
    await expect(work.promise).rejects.toBeInstanceOf(CancelledError);
    expect(await balances()).toEqual([100, 0]);
  });

  it('outlives a connection that breaks while no query is under way', async () => {
    const error = await spawn(() => transaction(pool, (query) => {
      const { pid } = query<{ pid: number }>('SELECT pg_backend_pid() AS pid').rows[0]!;
      wait(pool.query('SELECT pg_terminate_backend($1)', [pid]));
      sleep(20);
      query('SELECT 1');
    })).then(() => undefined, (e: unknown) => e);
    expect(error).toBeInstanceOf(Error);
    expect(await balances()).toEqual([100, 0]);
  });

  it('gives a connection back that arrives after its wait was given up', async () => {
    const small = new pg.Pool({ ...where(), max: 1 });
    await spawn(() => {
      const holder = spawn(() => withClient(small, () => { sleep(40); }));
      const late = spawn(() => timeout(5, () => withClient(small, () => 1)));
      expect(() => late.join()).toThrow(TimeoutError);
      holder.join();
      expect(timeout(5000, () => withClient(small, (query) => query('SELECT 1').rowCount))).toBe(1);
    });
    await small.end();
  });

  it('lets coroutines in by turns where a semaphore limits the pool', async () => {
    const permits = new Semaphore(2);
    const order: number[] = [];
    await spawn(() => {
      const all = Array.from({ length: 8 }, (_, i) => spawn(() => permits.withPermit(() => {
        order.push(i);
        withClient(pool, (query) => query('SELECT pg_sleep(0.005)'));
      })));
      for (const one of all) one.join();
    });
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('refuses wrong arguments', () => {
    expect(() => transaction(pool, 1 as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => withClient(pool, 1 as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => transaction(pool, () => 1, { rollbackTimout: 1 } as never)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
    expect(() => transaction(pool, () => 1, { rollbackTimeout: -1 })).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
  });
});
