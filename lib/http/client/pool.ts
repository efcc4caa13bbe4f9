import { ParkKind } from '../../internal/kinds.js';
import { parkShown } from '../../internal/park_details.js';
import { WaitQueue } from '../../internal/parking.js';
import { HttpClientError } from './errors.js';
import type { ClientConnection } from './connection.js';

/** What a client has open to one origin. */
export interface PoolStats {
  /** Connections, those that are being made included. */
  open: number;
  /** Those of them that are kept for the next request. */
  idle: number;
  /** Requests that wait for one. */
  waiting: number;
}

/**
 * The connections to one origin. A place counts as open from before its connection is dialled until that is closed. A request has a
 * place from `take` to `give` or `drop`:
 *
 *     take: idle connection -> in use           (the newest: the others may end)
 *           free place      -> dialled -> in use
 *           neither         -> waits, first in first out -> given a connection, or a place to dial in
 *     give: in use -> the first that waits, or idle
 *     drop: in use -> closed, its place goes to the first that waits
 */
export class Pool {
  private readonly idle: ClientConnection[] = [];
  private open = 0;
  private readonly waiters = new WaitQueue<ClientConnection | undefined>();
  private closed = false;
  /** Counts half of the idle time. */
  private round = 0;
  private timer: NodeJS.Timeout | undefined;

  /** @param idleMs how long a connection is kept without a request */
  constructor(
    private readonly dial: () => ClientConnection,
    private readonly most: number,
    private idleMs: number,
    /** Is told of each connection after its first request. */
    private readonly proven: (connection: ClientConnection) => void,
  ) {}

  get stats(): PoolStats {
    let waiting = 0;
    for (let waiter = this.waiters.first; waiter; waiter = waiter.next) waiting++;
    return { open: this.open, idle: this.idle.length, waiting };
  }

  /** A connection for one request. Parks. */
  take(): ClientConnection {
    if (this.closed) throw ended();
    for (let connection = this.idle.pop(); connection; connection = this.idle.pop()) {
      if (connection.quiet) return connection;
      this.drop(connection);
    }
    if (this.open < this.most) {
      this.open++;
      return this.dialInPlace();
    }
    const given = parkShown(this.waiters, ParkKind.other, 'request: a connection');
    // Refused after a close: the place has gone with it.
    if (this.closed) {
      if (given) this.drop(given);
      else this.free();
      throw ended();
    }
    return given ?? this.dialInPlace();
  }

  /** A new connection in the place of one that has turned out to have ended. Parks. */
  replace(connection: ClientConnection): ClientConnection {
    connection.close();
    return this.dialInPlace();
  }

  /** The request is over, and the connection can take another one. Never parks. */
  give(connection: ClientConnection): void {
    if (this.closed || !connection.quiet) {
      this.drop(connection);
      return;
    }
    if (connection.used === 1) this.proven(connection);
    if (this.waiters.wakeOne(connection)) return;
    connection.idleSince = this.round;
    this.idle.push(connection);
    this.timer ??= this.startTimer();
  }

  /** The request is over, and its connection with it. Never parks. */
  drop(connection: ClientConnection): void {
    connection.close();
    this.free();
  }

  /** A connection in use has become the caller's, for another protocol. Never parks. */
  release(): void {
    this.free();
  }

  /** The server has said how long it keeps connections. */
  keepFor(ms: number): void {
    this.idleMs = Math.min(this.idleMs, ms);
  }

  /** Closes what is idle, and what is in use when its request is over; those that wait are refused. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const connection of this.idle.splice(0)) this.drop(connection);
    // Each has to count as a place, which it frees.
    while (this.waiters.first) if (this.waiters.wakeOne(undefined)) this.open++;
  }

  private free(): void {
    if (!this.waiters.wakeOne(undefined)) this.open--;
  }

  private dialInPlace(): ClientConnection {
    try {
      return this.dial();
    } catch (error) {
      this.free();
      throw error;
    }
  }

  private startTimer(): NodeJS.Timeout {
    return setTimeout(() => { this.sweep(); }, this.idleMs / 2).unref();
  }

  /** Closes connections that have been idle for two rounds, and those that have ended meanwhile. */
  private sweep(): void {
    this.round++;
    for (const connection of this.idle.splice(0)) {
      if (this.round - connection.idleSince < 2 && connection.quiet) this.idle.push(connection);
      else this.drop(connection);
    }
    this.timer = this.idle.length > 0 ? this.startTimer() : undefined;
  }
}

function ended(): HttpClientError {
  return new HttpClientError('ERR_HTTP_CLIENT_ENDED', 'this client was closed');
}
