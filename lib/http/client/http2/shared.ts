import type { Http2Connection } from './connection.js';
import type { Http2Stream } from './stream.js';

/** The connections of HTTP/2 to one origin, each for many requests at a time. The pool has their places. */
export class SharedConnections {
  private readonly all: Http2Connection[] = [];
  /** How many streams a connection has taken last: what a new one may be given before its server has said so. */
  private expected: number | undefined;

  get idle(): number {
    let idle = 0;
    for (const { active } of this.all) if (active === 0) idle++;
    return idle;
  }

  add(connection: Http2Connection): void {
    if (this.expected !== undefined) connection.most = this.expected;
    this.all.push(connection);
  }

  /** A stream for a request, of the connection that has the most already: others may become idle, and end. */
  take(): Http2Stream | undefined {
    let best: Http2Connection | undefined;
    for (const connection of this.all) {
      if (connection.room > 0 && (!best || connection.active > best.active)) best = connection;
    }
    return best?.stream();
  }

  /** Something about the connection has changed: one that takes no more streams is over with the last that it has. */
  review(connection: Http2Connection): void {
    if (connection.settled) this.expected = connection.most;
    if (!connection.closing) return;
    const at = this.all.indexOf(connection);
    if (at >= 0) this.all.splice(at, 1);
    if (connection.active === 0 && !connection.closed) connection.close();
  }

  /** Closes those that have been idle for two rounds. */
  sweep(round: number): void {
    for (const connection of this.all.slice()) {
      if (connection.active === 0 && round - connection.idleSince >= 2) connection.close();
    }
  }

  /** Closes those that are idle, and the others behind their last request. */
  close(): void {
    for (const connection of this.all.slice()) {
      connection.closing = true;
      this.review(connection);
    }
  }
}
