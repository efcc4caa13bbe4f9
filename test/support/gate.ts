/** A lock in a database, by which a test holds a query up until it is given up. */
import type mysql from 'mysql2/promise';
import type pg from 'pg';

export class Gate {
  constructor(
    /** Is answered when the gate is open. */
    readonly query: string,
    private readonly closing: string[],
    private readonly opening: string,
    private readonly ask: (text: string) => PromiseLike<unknown>,
  ) {}

  async close(): Promise<void> {
    for (const text of this.closing) await this.ask(text);
  }

  async open(): Promise<void> {
    await this.ask(this.opening);
  }

  /** Runs `work`, which sends the query, and opens the gate when that throws. */
  holdUp(work: () => unknown): void {
    try {
      work();
    } catch (error) {
      void this.open();
      throw error;
    }
  }
}

/** On a connection that has no other use. */
export function postgresGate(client: pg.Client): Gate {
  const close = 'SELECT pg_advisory_unlock_all(), pg_advisory_lock(1)';
  return new Gate('SELECT pg_advisory_xact_lock_shared(1)', [close], 'SELECT pg_advisory_unlock_all()', (text) => client.query(text));
}

/** On a connection that has no other use. */
export function mariadbGate(connection: mysql.Connection): Gate {
  const query = 'SELECT id FROM gate FOR UPDATE';
  const close = ['CREATE TABLE IF NOT EXISTS gate (id int PRIMARY KEY)', 'REPLACE INTO gate VALUES (1)', 'BEGIN', query];
  return new Gate(query, close, 'ROLLBACK', (text) => connection.query(text));
}
