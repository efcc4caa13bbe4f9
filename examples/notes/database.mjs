// The pool of connections. Each call waits, in its coroutine, for its turn and for the answer.
import pg from 'pg';
import { Semaphore, wait } from 'stackful';
import { transaction, withClient } from 'stackful/embed';

export class Database {
  /** @param {number} connections the most at the same time */
  constructor(connections) {
    this.pool = new pg.Pool({ max: connections });
    this.pool.on('error', (error) => console.error(`an idle connection to the database has failed: ${error.message}`));
    // Requests get a connection in the order in which they came, and give up their place when their time is up.
    this.permits = new Semaphore(connections);
  }

  /** One query; its rows. */
  rows(text, values) {
    return this.permits.withPermit(() => withClient(this.pool, (query) => query(text, values).rows));
  }

  /**
   * Calls `work` with a function `query`, in a transaction: commits when it returns, rolls back when it throws or is ended early.
   *
   * @template R
   * @param {(query: import('stackful/embed').Query) => R} work
   * @returns {R}
   */
  transaction(work) {
    return this.permits.withPermit(() => transaction(this.pool, work));
  }

  close() {
    wait(this.pool.end());
  }
}

/** Whether an error tells that a row with this unique value is there already. */
export const isDuplicate = (error) => error.code === '23505';
