/** The table that the tests over PostgreSQL change: two accounts, of 100 and of 0. */
import type pg from 'pg';

type Asked = Pick<pg.Client | pg.Pool, 'query'>;

export async function makeAccounts(client: Asked): Promise<void> {
  await client.query('DROP TABLE IF EXISTS accounts; CREATE TABLE accounts (id int PRIMARY KEY, balance int)');
  await client.query('INSERT INTO accounts VALUES (1, 100), (2, 0)');
}

export async function balancesOf(client: Asked): Promise<number[]> {
  const { rows } = await client.query<{ balance: number }>('SELECT balance FROM accounts ORDER BY id');
  return rows.map(({ balance }) => balance);
}
