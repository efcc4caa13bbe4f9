// databases.mjs PORT KIND HOST: answers each request after a transaction of four queries in PostgreSQL, on one of ten connections.
import { createServer } from 'node:http';
import pg from 'pg';
import { coroutine, transaction } from 'stackful/embed';
import { serve } from 'stackful/http';

const [port, kind, host] = process.argv.slice(2);
const ACCOUNTS = 1000;
const BODY = 'Hello, World!\n';
const HEADERS = { 'content-type': 'text/plain', 'content-length': BODY.length };
const READ = 'SELECT balance FROM accounts WHERE id = $1 FOR UPDATE';
const WRITE = 'UPDATE accounts SET balance = $2 WHERE id = $1';

const pool = new pg.Pool({ host, user: 'postgres', database: 'postgres', max: 10 });
await pool.query('CREATE TABLE IF NOT EXISTS accounts (id int PRIMARY KEY, balance int NOT NULL)');
await pool.query('INSERT INTO accounts SELECT i, 0 FROM generate_series(1, $1::int) AS i ON CONFLICT DO NOTHING', [ACCOUNTS]);
const anyAccount = () => 1 + Math.floor(Math.random() * ACCOUNTS);

async function depositByAwait() {
  const id = anyAccount();
  const client = await pool.connect();
  let failure;
  try {
    await client.query('BEGIN');
    const { rows: [{ balance }] } = await client.query(READ, [id]);
    await client.query(WRITE, [id, balance + 1]);
    await client.query('COMMIT');
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    client.release(failure);
  }
}

const depositInCoroutine = () => transaction(pool, (query) => {
  const id = anyAccount();
  const { rows: [{ balance }] } = query(READ, [id]);
  query(WRITE, [id, balance + 1]);
});

const overNode = (handler) => createServer(handler).listen(Number(port), '127.0.0.1');
const servers = {
  async: () => overNode(async (request, response) => {
    await depositByAwait();
    response.writeHead(200, HEADERS).end(BODY);
  }),
  coroutine: () => overNode(coroutine((request, response) => {
    depositInCoroutine();
    response.writeHead(200, HEADERS).end(BODY);
  })),
  knot: () => serve(() => {
    depositInCoroutine();
    return { headers: { 'content-type': 'text/plain' }, body: BODY };
  }, { port: Number(port), host: '127.0.0.1' }),
};
servers[kind]();
