import { wait } from '../async/wait.js';
import { checkTurn } from '../internal/turn.js';
import { NotCommittedError } from './errors.js';

/** What the connections of all pools have. */
interface Connection {
  /** Sends a query; a promise of the answer. */
  query(text: string, values?: unknown[]): PromiseLike<unknown>;
  /** Listens to the connection's failure, if it is an emitter. */
  on?(event: 'error', listener: (error: Error) => void): unknown;
  /** Ends that. */
  off?(event: 'error', listener: (error: Error) => void): unknown;
}

/** A connection of a {@link ClientPool}, as `pg` has them. */
export interface PooledClient extends Connection {
  /** Gives it back; with an error, or true, the pool closes it. */
  release(destroy?: Error | boolean): void;
}

/** A pool of connections, such as `pg.Pool`. */
export interface ClientPool<Client extends PooledClient = PooledClient> {
  /** A promise of a connection. */
  connect(): PromiseLike<Client>;
  /** Not used. TypeScript finds the type of the connections of a pool that has this form, too, only if it stands here. */
  connect(callback: never): unknown;
}

/** A connection of a {@link ConnectionPool}, as `mysql2/promise` has them. */
export interface PooledConnection extends Connection {
  /** Gives it back. */
  release(): unknown;
  /** Closes it, and the pool knows. */
  destroy(): void;
}

/** A pool of connections, such as that of `createPool` of `mysql2/promise`. */
export interface ConnectionPool<Client extends PooledConnection = PooledConnection> {
  /** A promise of a connection. */
  getConnection(): PromiseLike<Client>;
}

/** ER_LOCK_DEADLOCK of MySQL and MariaDB, whose server rolls the whole transaction back, and takes what follows as single queries. */
const DEADLOCK = 1213;

/** A connection that comes after its wait was given up would be lost to the pool. */
const RETURNED = { abandoned: (late: PooledClient | PooledConnection) => { late.release(); } };

function ignore(): void { /* The coroutine that gave the query up does not ask for its outcome. */ }

/** A connection that is lent for one call. */
export class Lease {
  /** The server has rolled the transaction back already. */
  rolledBack = false;
  /** In no order. Not a set, which takes 0.06 us more for each query. */
  private readonly unanswered: PromiseLike<unknown>[] = [];
  private broken: Error | undefined;
  private readonly onError = (error: Error) => { this.broken = error; };

  private constructor(
    readonly client: PooledClient | PooledConnection,
    private readonly inTransaction: boolean,
    private readonly close: (failure: Error) => void,
  ) {
    // A connection that breaks while no query is under way has no one else to tell, and would end the process.
    client.on?.('error', this.onError);
  }

  static take(pool: ClientPool | ConnectionPool, inTransaction: boolean): Lease {
    if ('getConnection' in pool) {
      const connection = wait(pool.getConnection(), RETURNED);
      return new Lease(connection, inTransaction, () => { connection.destroy(); });
    }
    const client = wait(pool.connect(), RETURNED);
    return new Lease(client, inTransaction, (failure) => { client.release(failure); });
  }

  readonly query = (text: string, values?: unknown[]): unknown => {
    checkTurn('query');
    if (this.unanswered.length > 0) this.awaitAnswers();
    if (this.rolledBack) throw new NotCommittedError();
    const answer = this.client.query(text, values);
    this.unanswered.push(answer);
    const onAnswer = () => { this.forget(answer); };
    answer.then(onAnswer, (error: unknown) => {
      onAnswer();
      if (this.inTransaction && (error as { errno?: unknown } | undefined)?.errno === DEADLOCK) this.rolledBack = true;
    });
    const result = wait(answer);
    // The wait for a promise that is fulfilled already is over before its callbacks have run.
    onAnswer();
    return result;
  };

  /** Those of queries that were given up: `pg` 9 takes no query while another one runs. */
  private awaitAnswers(): void {
    while (this.unanswered.length > 0) wait(this.unanswered[0]!.then(ignore, ignore));
  }

  private forget(answer: PromiseLike<unknown>): void {
    const at = this.unanswered.indexOf(answer);
    if (at < 0) return;
    this.unanswered[at] = this.unanswered.at(-1)!;
    this.unanswered.pop();
  }

  /** The pool must not lend a connection whose last query is still under way: the next one's would wait behind it. */
  giveBack(failure = this.broken): void {
    this.client.off?.('error', this.onError);
    if (failure) this.close(failure);
    else if (this.unanswered.length > 0) this.close(new Error('a query was given up before its answer had come'));
    else this.client.release();
  }
}
