import { shield } from '../coroutine/shield.js';
import { timeout } from '../coroutine/timeout.js';
import { functionOf, numberIn } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { NotCommittedError } from './errors.js';
import { Lease, type ClientPool, type ConnectionPool, type PooledClient, type PooledConnection } from './lease.js';

/** The rows of an answer, as `pg` gives them. */
export interface QueryRows<Row> {
  /** What a query has found. */
  rows: Row[];
  /** How many rows it has found or changed; null where that says nothing. */
  rowCount: number | null;
}

/** Sends a query and waits for the answer. Parks. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what a query gives is the program's business
export type Query = <Row = any>(text: string, values?: unknown[]) => QueryRows<Row>;

/** Sends a query and waits for the answer, which is what the connection's own `query` gives: of `mysql2` `[rows, fields]`. Parks. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
export type ConnectionQuery = <Answer = any>(text: string, values?: unknown[]) => Answer;

/** The options of {@link transaction}. */
export interface TransactionOptions {
  /** How the transaction begins; default `BEGIN`. */
  begin?: string;
  /**
   * How long the rollback may take, in milliseconds; it waits behind a query that was given up. Then the pool closes the connection.
   * Default 1000.
   */
  rollbackTimeout?: number;
}

const KNOWN = new Set(['begin', 'rollbackTimeout']);
const ROLLBACK_TIMEOUT = 1000;

/**
 * Lends a connection of `pool` to `work`, and gives it back. A query that is given up, because its coroutine is cancelled or its time is
 * up, never goes back to the pool half done: the pool closes that connection. Returns what `work` returns. Parks.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { withClient } from 'stackful/embed';
 *
 * const pool = { // new pg.Pool() in a program
 *   connect: async () => ({ query: async (text: string) => ({ rows: [{ text }], rowCount: 1 }), release() {} }),
 * };
 * console.log(await spawn(() => withClient(pool, (query) => query('SELECT 1').rows))); // [ { text: 'SELECT 1' } ]
 * ```
 */
export function withClient<R>(pool: ClientPool, work: (query: Query) => R): R;
/**
 * The same for pools such as those of `mysql2/promise`; a query gives what the connection's own gives.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { withClient } from 'stackful/embed';
 *
 * const pool = { // mysql.createPool() in a program
 *   getConnection: async () => ({ query: async (text: string) => [[{ text }], []], release() {}, destroy() {} }),
 * };
 * const rows = await spawn(() => withClient(pool, (query) => {
 *   const [found] = query('SELECT 1');
 *   return found;
 * }));
 * console.log(rows); // [ { text: 'SELECT 1' } ]
 * ```
 */
export function withClient<R>(pool: ConnectionPool, work: (query: ConnectionQuery) => R): R;
export function withClient<R>(pool: ClientPool | ConnectionPool, work: (query: never) => R): R {
  functionOf('work', work);
  const lease = Lease.take(pool, false);
  try {
    return work(lease.query as never);
  } finally {
    lease.giveBack();
  }
}

/**
 * Runs `work` in a transaction on a connection of `pool`: commits when it returns, rolls back when it throws, or when its coroutine is
 * cancelled or its time is up. Neither the commit nor the rollback is given up by that. A connection whose rollback does not come
 * through, because a query that was given up is still running, is closed; the server rolls back then. Returns what `work` returns.
 * Parks.
 *
 * `work` is also given the connection, for what sends queries of its own over it: `wait(knex('users').connection(client))`,
 * `wait(drizzle({ client }).select().from(users))`. It is the pool's again when `transaction` returns.
 *
 * @throws what `work` throws; what the commit throws; NotCommittedError (`ERR_NOT_COMMITTED`) when the server has rolled back instead,
 *   because a query failed whose error `work` has caught (in MySQL by a deadlock, after which `query` throws it, too); TypeError
 *   (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`)
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { transaction } from 'stackful/embed';
 *
 * const sent: string[] = [];
 * const pool = { // new pg.Pool() in a program
 *   connect: async () => ({ query: async (text: string) => (sent.push(text), { rows: [], rowCount: 1 }), release() {} }),
 * };
 * await spawn(() => transaction(pool, (query) => {
 *   query('UPDATE accounts SET balance = balance - $1', [5]);
 * }));
 * console.log(sent.join('; ')); // BEGIN; UPDATE accounts SET balance = balance - $1; COMMIT
 * ```
 */
export function transaction<R, Client extends PooledClient>(
  pool: ClientPool<Client>, work: (query: Query, client: Client) => R, options?: TransactionOptions,
): R;
/**
 * The same for pools such as those of `mysql2/promise`; a query gives what the connection's own gives.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { transaction } from 'stackful/embed';
 *
 * const sent: string[] = [];
 * const pool = { // mysql.createPool() in a program
 *   getConnection: async () => ({ query: async (text: string) => (sent.push(text), [[], []]), release() {}, destroy() {} }),
 * };
 * await spawn(() => transaction(pool, (query) => {
 *   query('UPDATE accounts SET balance = balance - ?', [5]);
 * }));
 * console.log(sent.join('; ')); // BEGIN; UPDATE accounts SET balance = balance - ?; COMMIT
 * ```
 */
export function transaction<R, Connection extends PooledConnection>(
  pool: ConnectionPool<Connection>, work: (query: ConnectionQuery, connection: Connection) => R, options?: TransactionOptions,
): R;
export function transaction<R>(
  pool: ClientPool | ConnectionPool, work: (query: never, client: never) => R, options: TransactionOptions = {},
): R {
  functionOf('work', work);
  knownOptions('transaction', options, KNOWN);
  const { begin = 'BEGIN', rollbackTimeout = ROLLBACK_TIMEOUT } = options;
  numberIn('options.rollbackTimeout', rollbackTimeout, 0, Number.MAX_SAFE_INTEGER);
  const lease = Lease.take(pool, true);
  let failure: Error | undefined;
  try {
    lease.query(begin);
    const result = work(lease.query as never, lease.client as never);
    // Given up half-way, nobody would know what came of it.
    const answer = shield(() => lease.query('COMMIT')) as { command?: unknown } | undefined;
    // PostgreSQL answers so, without an error, where a query has failed and `work` has kept that to itself.
    lease.rolledBack = answer?.command === 'ROLLBACK';
    if (lease.rolledBack) throw new NotCommittedError();
    return result;
  } catch (error) {
    if (!lease.rolledBack) failure = rollBack(lease, rollbackTimeout);
    throw error;
  } finally {
    lease.giveBack(failure);
  }
}

/** Returns why the connection cannot be used again. */
function rollBack(lease: Lease, limit: number): Error | undefined {
  return shield(() => {
    try {
      timeout(limit, () => lease.query('ROLLBACK'));
      return undefined;
    } catch (failure) {
      return failure instanceof Error ? failure : new Error('the rollback has failed', { cause: failure });
    }
  });
}
