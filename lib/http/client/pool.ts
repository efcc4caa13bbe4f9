import { running } from '../../internal/current.js';
import { ParkKind } from '../../internal/kinds.js';
import { parkShown } from '../../internal/park_details.js';
import { WaitQueue } from '../../internal/parking.js';
import { HttpClientError } from './errors.js';
import type { ClientConnection } from './connection.js';
import type { Http2Connection } from './http2/connection.js';
import { SharedConnections } from './http2/shared.js';
import { Http2Stream } from './http2/stream.js';
import { outside } from './outside.js';
import type { Wire } from './wire.js';

/** What a client has open to one origin. */
export interface PoolStats {
  /** Connections, those that are being made included. */
  open: number;
  /** Those of them that are kept for the next request. */
  idle: number;
  /** Requests that wait for one. */
  waiting: number;
}

/** A connection that has carried a request. */
export interface Proven {
  /** What the next connection to the same server can be resumed with. */
  readonly session: Buffer | undefined;
}

/** What a request that waits is given: a wire, or undefined, a place to dial in; or the failure of the connection that it waits for. */
type Given = Wire | undefined | { readonly failure: unknown };

/**
 * The connections to one origin. A place counts as open from before its connection is dialled until that is closed. A request has a
 * place from `take` to `give` or `drop`:
 *
 *     take: idle connection -> in use           (the newest: the others may end)
 *           free place      -> dialled -> in use
 *           neither         -> waits, first in first out -> given a connection, or a place to dial in
 *     give: in use -> the first that waits, or idle
 *     drop: in use -> closed, its place goes to the first that waits
 *
 * A connection of HTTP/2 has a place of its own, and requests have its streams. Where connections may turn out to be such, one is dialled
 * at a time, and the requests that come meanwhile wait for it. When all have as many streams as their servers take, another one is
 * dialled, as by Go: to wait would punish a client for a limit that servers set for a connection, not for a client. `connections: 1` waits.
 */
export class Pool {
  private readonly idle: ClientConnection[] = [];
  private readonly shared = new SharedConnections();
  private open = 0;
  /** Connections that are being made. */
  private dialling = 0;
  private readonly waiters = new WaitQueue<Given>();
  private closed = false;
  /** Counts half of the idle time. */
  private round = 0;
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param idleMs how long a connection is kept without a request
   * @param mayShare whether connections may turn out to be of HTTP/2
   */
  constructor(
    private readonly dial: () => ClientConnection | Http2Connection,
    private readonly most: number,
    private idleMs: number,
    /** Is told of each connection after its first request. */
    private readonly proven: (connection: Proven) => void,
    private mayShare = false,
  ) {}

  get stats(): PoolStats {
    let waiting = 0;
    for (let waiter = this.waiters.first; waiter; waiter = waiter.next) waiting++;
    return { open: this.open, idle: this.idle.length + this.shared.idle, waiting };
  }

  /** A connection, or a stream of one, for one request. Parks. */
  take(): Wire {
    if (this.closed) throw ended();
    const stream = this.shared.take();
    if (stream) return stream;
    for (let connection = this.idle.pop(); connection; connection = this.idle.pop()) {
      if (connection.quiet) return connection;
      this.drop(connection);
    }
    if (this.mayDial) {
      this.open++;
      return this.dialInPlace();
    }
    const given = parkShown(this.waiters, ParkKind.other, 'request: a connection');
    if (given && 'failure' in given) throw given.failure;
    // Refused after a close: the place has gone with it.
    if (this.closed) {
      if (given) this.drop(given);
      else this.free();
      throw ended();
    }
    return given ?? this.dialInPlace();
  }

  /** A new connection in the place of one that has turned out to have ended. Parks. */
  replace(wire: Wire): Wire {
    if (wire instanceof Http2Stream) {
      this.drop(wire);
      return this.take();
    }
    wire.close();
    return this.dialInPlace();
  }

  /** The request is over, and the connection can take another one. Never parks. */
  give(wire: Wire): void {
    if (wire instanceof Http2Stream) {
      if (wire.used === 1) this.proven(wire.connection);
      this.leave(wire);
      return;
    }
    const connection = wire as ClientConnection;
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

  /** The request is over, and its connection with it; over HTTP/2 its stream. Never parks. */
  drop(wire: Wire): void {
    if (wire instanceof Http2Stream) {
      this.leave(wire);
      return;
    }
    wire.close();
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
    this.shared.close();
    // Each has to count as a place, which it frees.
    while (this.waiters.first) if (this.waiters.wakeOne(undefined)) this.open++;
  }

  private get mayDial(): boolean {
    return this.open < this.most && !(this.mayShare && this.dialling > 0);
  }

  private free(): void {
    if (!this.waiters.wakeOne(undefined)) this.open--;
  }

  private dialInPlace(): Wire {
    let made: ClientConnection | Http2Connection;
    this.dialling++;
    try {
      made = this.dial();
    } catch (error) {
      this.dialling--;
      // An interruption of this request says nothing about the server; a failure is one for all that have waited for it.
      if (this.mayShare && running[1]! >= 0) this.waiters.wakeAll({ failure: error });
      this.free();
      throw error;
    }
    this.dialling--;
    if ('room' in made) return this.share(made);
    if (this.mayShare) {
      // It is HTTP/1.1: those that wait need connections of their own.
      this.mayShare = false;
      while (this.open < this.most && this.waiters.wakeOne(undefined)) this.open++;
    }
    return made;
  }

  private share(connection: Http2Connection): Wire {
    connection.changed = () => {
      this.shared.review(connection);
      if (connection.closed) this.free();
      this.spread();
    };
    this.shared.add(connection);
    const stream = connection.stream();
    if (this.closed) this.shared.close();
    this.spread();
    return stream;
  }

  /** A stream is over. */
  private leave(stream: Http2Stream): void {
    const { connection } = stream;
    stream.close();
    if (--connection.active === 0) {
      connection.idleSince = this.round;
      this.timer ??= this.closed ? undefined : this.startTimer();
    }
    this.shared.review(connection);
    this.spread();
  }

  /** Gives room to those that wait: streams, and to the first that gets none a place to dial in. */
  private spread(): void {
    while (this.waiters.first) {
      const stream = this.shared.take();
      if (!stream) break;
      if (!this.waiters.wakeOne(stream)) stream.connection.active--;
    }
    if (this.mayDial && this.waiters.wakeOne(undefined)) this.open++;
  }

  private startTimer(): NodeJS.Timeout {
    return outside(() => setTimeout(() => { this.sweep(); }, this.idleMs / 2).unref());
  }

  /** Closes connections that have been idle for two rounds, and those that have ended meanwhile. */
  private sweep(): void {
    this.round++;
    for (const connection of this.idle.splice(0)) {
      if (this.round - connection.idleSince < 2 && connection.quiet) this.idle.push(connection);
      else this.drop(connection);
    }
    this.shared.sweep(this.round);
    this.timer = this.idle.length > 0 || this.shared.idle > 0 ? this.startTimer() : undefined;
  }
}

function ended(): HttpClientError {
  return new HttpClientError('ERR_HTTP_CLIENT_ENDED', 'this client was closed');
}
