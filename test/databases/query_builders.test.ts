import { setTimeout as delay } from 'node:timers/promises';
import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable } from 'drizzle-orm/pg-core';
import knexFor, { type Knex } from 'knex';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { scope, shield, sleep, spawn, timeout, TimeoutError, wait } from 'stackful';
import { transaction } from 'stackful/embed';
import { balancesOf, makeAccounts } from '../support/accounts.js';
import { EARLY_ENDS } from '../support/early_end.js';
import { postgresGate, type Gate } from '../support/gate.js';
import { postgresPrograms, startPostgres, type Postgres } from '../support/postgres.js';

const programs = postgresPrograms();
const accounts = pgTable('accounts', { id: integer().primaryKey(), balance: integer().notNull() });

describe.skipIf(!programs)('query builders over PostgreSQL (skipped where it is not installed)', () => {
  let server: Postgres;
  let pool: pg.Pool;
  /** Looks at the server while the pools are busy. */
  let observer: pg.Client;
  let keeper: pg.Client;
  let gate: Gate;
  let knex: Knex;
  let db: ReturnType<typeof drizzle>;

  beforeAll(async () => {
    server = await startPostgres(programs!);
    const where = { host: server.directory, user: 'postgres', database: 'postgres' };
    observer = new pg.Client(where);
    await observer.connect();
    keeper = new pg.Client(where);
    await keeper.connect();
    gate = postgresGate(keeper);
    pool = new pg.Pool({ ...where, max: 3 });
    pool.on('error', () => undefined);
    knex = knexFor({ client: 'pg', connection: where, pool: { min: 0, max: 3 } });
    db = drizzle({ client: pool });
  }, 60_000);
  afterAll(async () => {
    await knex.destroy();
    await pool.end();
    await observer.end();
    await keeper.end();
    await server.stop();
  });
  beforeEach(async () => {
    await gate.close();
    await makeAccounts(observer);
  });

  const balances = () => balancesOf(observer);
  /** Waits until no connection is in a query or a transaction any more. */
  const noneBusy = async () => {
    const busy = "SELECT 1 FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    for (let i = 0; i < 400 && (await observer.query(busy)).rowCount! > 0; i++) await delay(10);
  };
  const failureOf = (work: () => unknown) => spawn(work).then(() => undefined, (error: unknown) => error);

  /** What both do over a connection that `transaction` lends. */
  const builders = {
    knex: {
      set: (client: pg.PoolClient, balance: number) => { wait(knex('accounts').connection(client).update({ balance })); },
      ask: (client: pg.PoolClient, text: string) => { wait(knex.raw(text).connection(client)); },
    },
    drizzle: {
      set: (client: pg.PoolClient, balance: number) => { wait(drizzle({ client }).update(accounts).set({ balance })); },
      ask: (client: pg.PoolClient, text: string) => { wait(drizzle({ client }).execute(sql.raw(text))); },
    },
  };

  it('answers queries of coroutines over pools of their own', async () => {
    const sums = await spawn(() => {
      const all = Array.from({ length: 10 }, () => spawn(() => {
        const [first] = wait(knex<{ id: number; balance: number }>('accounts').where({ id: 1 }).select('balance'));
        const [second] = wait(db.select().from(accounts).where(eq(accounts.id, 2)));
        return first!.balance + second!.balance;
      }));
      return all.map((one) => one.join());
    });
    expect(sums).toEqual(Array.from({ length: 10 }, () => 100));
  });

  describe.each(Object.entries(builders))('%s on the connection that transaction lends', (_name, { set, ask }) => {
    it('is committed when the work returns, and rolled back when it throws', async () => {
      await spawn(() => { transaction(pool, (_query, client) => { set(client, 7); }); });
      expect(await balances()).toEqual([7, 7]);
      expect(await failureOf(() => transaction(pool, (_query, client) => {
        set(client, 8);
        throw new Error('no');
      }))).toMatchObject({ message: 'no' });
      expect(await balances()).toEqual([7, 7]);
    });

    it.each(EARLY_ENDS)('is rolled back when %s', async (_why, endEarly) => {
      const before = pool.totalCount;
      await endEarly(() => transaction(pool, (_query, client) => {
        set(client, 0);
        gate.holdUp(() => { ask(client, gate.query); });
      }, { rollbackTimeout: 60_000 }));
      expect(await balances()).toEqual([100, 0]);
      expect([pool.totalCount, pool.idleCount]).toEqual([before, before]);
    });

    it('is rolled back by the server, its connection closed, when its query does not end', async () => {
      expect(await failureOf(() => timeout(20, () => transaction(pool, (query, client) => {
        query("SET client_connection_check_interval = '10ms'");
        set(client, 0);
        ask(client, 'SELECT pg_sleep(60)');
      }, { rollbackTimeout: 20 })))).toBeInstanceOf(TimeoutError);
      expect(pool.idleCount).toBe(pool.totalCount);
      await noneBusy();
      expect(await balances()).toEqual([100, 0]);
    });
  });

  describe('a transaction of knex', () => {
    /** Commits when `work` returns, and rolls back when it throws. */
    function inTransaction<R>(work: (trx: Knex.Transaction) => R): R {
      const trx = wait(knex.transaction(), { abandoned: (late) => { void late.rollback(); } });
      try {
        const result = work(trx);
        shield(() => wait(trx.commit()));
        return result;
      } catch (error) {
        shield(() => { wait(trx.rollback()); });
        throw error;
      }
    }

    it('is committed when the work returns', async () => {
      await spawn(() => inTransaction((trx) => {
        wait(trx('accounts').update({ balance: 5 }));
        sleep(1);
      }));
      expect(await balances()).toEqual([5, 5]);
    });

    it('is rolled back when its time is up, behind the query that was under way', async () => {
      expect(await failureOf(() => timeout(30, () => inTransaction((trx) => {
        wait(trx('accounts').update({ balance: 0 }));
        gate.holdUp(() => wait(trx.raw(gate.query)));
      })))).toBeInstanceOf(TimeoutError);
      expect(await balances()).toEqual([100, 0]);
      await noneBusy();
    });

    it('is rolled back without a wait where a query has a time limit of its own', async () => {
      expect(await failureOf(() => inTransaction((trx) => {
        wait(trx('accounts').update({ balance: 0 }));
        wait(trx.raw('SELECT pg_sleep(60)').timeout(30, { cancel: true }));
      }))).toMatchObject({ name: 'KnexTimeoutError' });
      await noneBusy();
      expect(await balances()).toEqual([100, 0]);
    });
  });

  describe('a transaction of drizzle, whose callback is a coroutine of a scope', () => {
    type Transaction = Parameters<Parameters<typeof db.transaction>[0]>[0];
    const inTransaction = <R>(work: (tx: Transaction) => R) =>
      scope((calls) => wait(db.transaction((tx) => calls.spawn(() => work(tx)).promise)));

    it('is committed when the work returns', async () => {
      await spawn(() => inTransaction((tx) => {
        wait(tx.update(accounts).set({ balance: 5 }));
        sleep(1);
      }));
      expect(await balances()).toEqual([5, 5]);
    });

    it.each(EARLY_ENDS)('is rolled back when %s, and its connection goes back after that', async (_why, endEarly) => {
      await endEarly(() => inTransaction((tx) => {
        wait(tx.update(accounts).set({ balance: 0 }));
        gate.holdUp(() => wait(tx.execute(sql.raw(gate.query))));
      }));
      await noneBusy();
      expect(await balances()).toEqual([100, 0]);
    });
  });
});
