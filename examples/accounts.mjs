// node examples/accounts.mjs [PORT]: accounts in PostgreSQL over HTTP, in straight-line code. PGHOST, PGUSER and so on say where the
// database is. Needs `npm install pg`.
//
//   PUT  /accounts/ann       {"balance": 100}          makes an account
//   GET  /accounts/ann                                 {"name": "ann", "balance": 100}
//   GET  /accounts/ann/moves                           what has gone in and out, newest first
//   POST /transfers          {"from", "to", "amount"}  moves money: both accounts change, or none does
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Semaphore, TimeoutError, spawn, timeout, wait, waitSignal } from 'stackful';
import { transaction, withClient } from 'stackful/embed';
import { HttpError, serve } from 'stackful/http';

const CONNECTIONS = 10;
/** A request that the database keeps waiting for longer gets 503, and nothing of it is done. */
const PATIENCE_MS = 2000;

const pool = new pg.Pool({ max: CONNECTIONS });
pool.on('error', (error) => console.error(`an idle connection has failed: ${error.message}`));
/** Requests that wait for a connection do so in the order in which they came. */
const permits = new Semaphore(CONNECTIONS);

const borrowed = (work) => permits.withPermit(() => withClient(pool, work));
const inTransaction = (work) => permits.withPermit(() => transaction(pool, work));

function prepare() {
  borrowed((query) => {
    query('CREATE TABLE IF NOT EXISTS accounts (name text PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0))');
    query(`CREATE TABLE IF NOT EXISTS moves (
      id uuid NOT NULL, account text NOT NULL REFERENCES accounts, amount bigint NOT NULL, at timestamptz NOT NULL DEFAULT now())`);
    query('CREATE INDEX IF NOT EXISTS moves_of ON moves (account, at)');
  });
}

function amountOf(value) {
  if (!Number.isSafeInteger(value) || value <= 0) throw new HttpError(400, 'an amount is a whole number above 0');
  return value;
}

const nothingOf = (name) => new HttpError(404, `there is no account ${name}`);

function accountOf(query, name) {
  const { rows: [account] } = query('SELECT name, balance::float8 FROM accounts WHERE name = $1', [name]);
  if (!account) throw nothingOf(name);
  return account;
}

function open(name, { balance }) {
  const first = balance === 0 ? 0 : amountOf(balance);
  try {
    borrowed((query) => query('INSERT INTO accounts VALUES ($1, $2)', [name, first]));
  } catch (error) {
    if (error.code === '23505') throw new HttpError(409, `there is an account ${name}`);
    throw error;
  }
  return { name, balance: first };
}

function transfer({ from, to, amount }) {
  amountOf(amount);
  if (from === to) throw new HttpError(400, 'from and to are the same account');
  return inTransaction((query) => {
    // Locked in the order of names: two transfers between the same accounts would wait for each other.
    const { rows } = query('SELECT name, balance::float8 FROM accounts WHERE name IN ($1, $2) ORDER BY name FOR UPDATE', [from, to]);
    const [payer, payee] = [from, to].map((name) => rows.find((row) => row.name === name));
    if (!payer || !payee) throw nothingOf(payer ? to : from);
    if (payer.balance < amount) throw new HttpError(409, `${from} has ${payer.balance}`);
    const id = randomUUID();
    for (const [name, change] of [[from, -amount], [to, amount]]) {
      query('UPDATE accounts SET balance = balance + $2 WHERE name = $1', [name, change]);
      query('INSERT INTO moves (id, account, amount) VALUES ($1, $2, $3)', [id, name, change]);
    }
    return { id, from, to, amount };
  });
}

function moves(name) {
  return borrowed((query) => {
    accountOf(query, name);
    return query('SELECT id, amount::float8, at FROM moves WHERE account = $1 ORDER BY at DESC, id LIMIT 100', [name]).rows;
  });
}

/** What a request comes to: a status and a value. */
function route(request) {
  const [, what, name, part, rest] = request.path.split('/');
  const key = `${request.method} ${what}${name ? '/:name' : ''}${part ? `/${part}` : ''}`;
  if (rest === undefined) {
    switch (key) {
      case 'PUT accounts/:name':
        return [201, open(name, request.json())];
      case 'GET accounts/:name':
        return [200, borrowed((query) => accountOf(query, name))];
      case 'GET accounts/:name/moves':
        return [200, moves(name)];
      case 'POST transfers':
        return [201, transfer(request.json())];
    }
  }
  throw new HttpError(404, 'there is nothing here');
}

function answer(request) {
  try {
    return timeout(PATIENCE_MS, () => route(request));
  } catch (error) {
    if (error instanceof HttpError) return [error.status, { error: error.message }];
    if (error instanceof TimeoutError) return [503, { error: 'the database is busy' }];
    throw error; // the server logs it, and answers 500
  }
}

await spawn(prepare);
const server = serve((request) => {
  const [status, value] = answer(request);
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(value)}\n` };
}, { port: Number(process.argv[2] ?? 8080), host: '127.0.0.1' });
console.log(`http://127.0.0.1:${server.address.port}`);

spawn(() => {
  waitSignal('SIGTERM');
  wait(server.close());
  pool.end();
});
