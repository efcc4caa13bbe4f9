import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/mysql2';
import knexFor from 'knex';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { Barrier, sleep, spawn, timeout, TimeoutError, wait } from 'stackful';
import { transaction, withClient, type ConnectionQuery } from 'stackful/embed';
import { EARLY_ENDS } from '../support/early_end.js';
import { mariadbGate, type Gate } from '../support/gate.js';
import { mariadbProgram, startMariadb, type Mariadb } from '../support/mariadb.js';

type Row = mysql.RowDataPacket;

describe.skipIf(!mariadbProgram)('MariaDB by mysql2 (skipped where it is not installed)', () => {
  let server: Mariadb;
  let pool: mysql.Pool;
  /** Looks at the server while the pool is busy. */
  let observer: mysql.Connection;
  let keeper: mysql.Connection;
  let gate: Gate;

  beforeAll(async () => {
    server = await startMariadb(mariadbProgram!);
    const where = { socketPath: server.path, user: server.user };
    observer = await mysql.createConnection(where);
    await observer.query('CREATE DATABASE bank');
    await observer.changeUser({ database: 'bank' });
    keeper = await mysql.createConnection({ ...where, database: 'bank' });
    gate = mariadbGate(keeper);
    pool = mysql.createPool({ ...where, database: 'bank', connectionLimit: 3 });
  }, 120_000);
  afterAll(async () => {
    await pool.end();
    await observer.end();
    await keeper.end();
    await server.stop();
  });
  beforeEach(async () => {
    await gate.close();
    await observer.query('CREATE OR REPLACE TABLE accounts (id int PRIMARY KEY, balance int) ENGINE InnoDB');
    await observer.query('INSERT INTO accounts VALUES (1, 100), (2, 0)');
  });

  const balances = async () => (await observer.query<Row[]>('SELECT balance FROM accounts ORDER BY id'))[0].map(({ balance }) => balance as number);
  /** Waits until no query is running any more. */
  const noneRunning = async () => {
    const busy = "SELECT id FROM information_schema.processlist WHERE command = 'Query' AND id <> connection_id()";
    for (let i = 0; i < 400 && (await observer.query<Row[]>(busy))[0].length > 0; i++) await delay(10);
  };
  const idOf = (query: ConnectionQuery) => query<[{ id: number }[]]>('SELECT connection_id() AS id')[0][0]!.id;
  /** The connections that the pool hands out now. */
  const pooled = () => spawn(() => {
    const all = [1, 2, 3].map(() => spawn(() => withClient(pool, (query) => {
      const id = idOf(query);
      sleep(5);
      return id;
    })));
    return all.map((one) => one.join());
  });

  it('answers queries, of the pool and of a connection', async () => {
    expect(await spawn(() => [
      wait(pool.query<Row[]>('SELECT ? + 1 AS a', [41]))[0][0]!.a as number,
      withClient(pool, (query) => query<[{ a: number }[]]>('SELECT ? AS a', [7])[0][0]!.a),
      transaction(pool, (_query, connection) => wait(connection.execute<Row[]>('SELECT ? AS a', [5]))[0][0]!.a as number),
    ])).toEqual([42, 7, 5]);
  });

  it('commits what a transaction has done when it returns, and waits for nobody meanwhile', async () => {
    await spawn(() => {
      const all = [10, 20, 30, 5].map((amount) => spawn(() => transaction(pool, (query) => {
        query('UPDATE accounts SET balance = balance - ? WHERE id = 1', [amount]);
        sleep(1);
        query('UPDATE accounts SET balance = balance + ? WHERE id = 2', [amount]);
      })));
      for (const one of all) one.join();
    });
    expect(await balances()).toEqual([35, 65]);
  });

  it('lends its connection to knex and to drizzle', async () => {
    const knex = knexFor({ client: 'mysql2' });
    const both = (fail: boolean) => transaction(pool, (_query, connection) => {
      wait(knex('accounts').connection(connection.connection).where({ id: 1 }).update({ balance: 7 }));
      wait(drizzle({ client: connection }).execute(sql`UPDATE accounts SET balance = 8 WHERE id = 2`));
      if (fail) throw new Error('no');
    });
    await expect(spawn(() => { both(true); }).promise).rejects.toThrow('no');
    expect(await balances()).toEqual([100, 0]);
    await spawn(() => { both(false); });
    expect(await balances()).toEqual([7, 8]);
  });

  it('rolls back when its work throws, and keeps the connection', async () => {
    const before = await pooled();
    const error = await spawn(() => transaction(pool, (query) => {
      query('UPDATE accounts SET balance = 0');
      query('SELECT nothing');
    })).then(() => undefined, (e: unknown) => e);
    expect(error).toMatchObject({ code: 'ER_BAD_FIELD_ERROR' });
    expect(await balances()).toEqual([100, 0]);
    expect(new Set(await pooled())).toEqual(new Set(before));
  });

  it.each(EARLY_ENDS)('rolls back when %s, behind the query that was under way', async (_why, endEarly) => {
    await endEarly(() => transaction(pool, (query) => {
      query('UPDATE accounts SET balance = 0');
      gate.holdUp(() => query(gate.query));
    }, { rollbackTimeout: 60_000 }));
    expect(await balances()).toEqual([100, 0]);
    await noneRunning();
  });

  it('closes a connection that does not come to its rollback; the server rolls back when the query is over', async () => {
    const given = await spawn(() => {
      let id = 0;
      try {
        // Long enough for the last query to be under way.
        timeout(500, () => transaction(pool, (query) => {
          id = idOf(query);
          query('UPDATE accounts SET balance = 0');
          query(gate.query);
        }, { rollbackTimeout: 20 }));
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
      }
      return id;
    });
    expect(await pooled()).not.toContain(given);
    await gate.open();
    await noneRunning();
    expect(await balances()).toEqual([100, 0]);
    // The row is not locked any more.
    await spawn(() => transaction(pool, (query) => query('UPDATE accounts SET balance = 1')));
  });

  it('does not give a connection back whose query was given up', async () => {
    const given = await spawn(() => {
      let id = 0;
      try {
        timeout(100, () => { withClient(pool, (query) => { id = idOf(query); gate.holdUp(() => query(gate.query)); }); });
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
      }
      return id;
    });
    expect(await pooled()).not.toContain(given);
    await noneRunning();
  });

  it('sends nothing more after a deadlock, by which the server has rolled back', async () => {
    const both = new Barrier(2);
    const transfer = (from: number, to: number) => transaction(pool, (query) => {
      query('UPDATE accounts SET balance = balance - 1 WHERE id = ?', [from]);
      both.wait();
      try {
        query('UPDATE accounts SET balance = balance + 1 WHERE id = ?', [to]);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ER_LOCK_DEADLOCK' });
      }
      query('UPDATE accounts SET balance = balance + 1 WHERE id = ?', [to]);
    });
    const ends = await Promise.allSettled([[1, 2], [2, 1]].map(([from, to]) => spawn(() => { transfer(from!, to!); }).promise));
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'ERR_NOT_COMMITTED' } });
    expect((await balances()).sort()).toEqual(ends[0]!.status === 'fulfilled' ? [2, 99] : [-1, 102]);
  });

  it('outlives a connection that breaks while no query is under way', async () => {
    const error = await spawn(() => transaction(pool, (query) => {
      const id = idOf(query);
      wait(observer.query(`KILL ${String(id)}`));
      sleep(20);
      query('SELECT 1');
    })).then(() => undefined, (e: unknown) => e);
    expect(error).toBeInstanceOf(Error);
    expect(new Set(await pooled()).size).toBeGreaterThan(0);
  });

  it('gives a connection back that arrives after its wait was given up', async () => {
    const small = mysql.createPool({ socketPath: server.path, user: server.user, connectionLimit: 1 });
    await spawn(() => {
      const holder = spawn(() => withClient(small, () => { sleep(40); }));
      const late = spawn(() => timeout(5, () => withClient(small, () => 1)));
      expect(() => late.join()).toThrow(TimeoutError);
      holder.join();
      expect(timeout(5000, () => withClient(small, (query) => query<[unknown[]]>('SELECT 1')[0].length))).toBe(1);
    });
    await small.end();
  });
});
