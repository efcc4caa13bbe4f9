import { invalidValue } from '../../internal/arguments.js';
import { dial, type Route } from '../client/dial.js';
import { DEFAULT_LIMITS, milliseconds } from '../client/limits.js';
import { Pool, type Proven } from '../client/pool.js';
import { targetOf, type Origin } from '../client/target.js';
import type { Settings } from './options.js';

/** What is known of an upstream. */
export interface UpstreamStats {
  /** As it was given. */
  readonly url: string;
  /** Whether it gets requests. */
  readonly healthy: boolean;
  /** Requests under way. */
  readonly active: number;
  /** Requests that it was sent. */
  readonly requests: number;
  /** Those of them that have failed. */
  readonly failures: number;
}

/**
 * A server behind the proxy.
 *
 *     well -> out       `maxFailures` failures in a row, or a check that fails
 *     out  -> on trial  after `failTimeout`: one request is let through
 *     on trial -> well  it was answered;  -> out  it was not
 *     out  -> well      a check that succeeds
 */
export class Upstream {
  readonly origin: Origin;
  readonly pool: Pool;
  /** Before the path of a request; without a slash at its end. */
  readonly prefix: string;
  active = 0;
  requests = 0;
  failures = 0;
  private inARow = 0;
  /** The time from which on it may get a request again; 0: it is well. */
  private outUntil = 0;

  constructor(
    readonly url: string,
    private readonly settings: Settings,
  ) {
    const target = targetOf(url);
    if (target.path.includes('?')) throw invalidValue('upstreams', 'URLs without a query', url);
    this.origin = target.origin;
    this.prefix = target.path.replace(/\/$/, '');
    const { tls, connectTimeout, connections, idleTimeout } = settings;
    const route: Route = { origin: this.origin, proxy: undefined, tls, connectMs: connectTimeout, session: undefined };
    const proven = (connection: Proven) => { route.session = connection.session ?? route.session; };
    this.pool = new Pool(() => dial(route), connections, idleTimeout, proven);
  }

  /** Whether it may get a request now. */
  get available(): boolean {
    return this.outUntil === 0 || performance.now() >= this.outUntil;
  }

  get stats(): UpstreamStats {
    const { url, active, requests, failures } = this;
    return { url, healthy: this.available, active, requests, failures };
  }

  /** A request is sent to it. */
  begin(): void {
    this.active++;
    this.requests++;
    // On trial: the next request looks elsewhere until this one has told.
    if (this.outUntil !== 0) this.outUntil = performance.now() + this.settings.failTimeout;
  }

  succeeded(): void {
    this.inARow = 0;
    this.outUntil = 0;
  }

  failed(): void {
    this.failures++;
    if (++this.inARow >= this.settings.maxFailures) this.outUntil = performance.now() + this.settings.failTimeout;
  }

  /** A check of its health has failed. It is out until one succeeds, or the time is over. */
  takeOut(): void {
    this.inARow = Math.max(this.inARow, this.settings.maxFailures);
    this.outUntil = performance.now() + this.settings.failTimeout;
  }
}

/** The limits of answers, and the times of requests, as the client's orders have them. */
export function termsOf({ headersTimeout, bodyTimeout }: Settings) {
  return {
    headersMs: milliseconds('options.headersTimeout', headersTimeout),
    bodyMs: milliseconds('options.bodyTimeout', bodyTimeout),
    limits: DEFAULT_LIMITS,
    expectMs: 0,
  };
}
