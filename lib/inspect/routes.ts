import { stopTiming, timeRequests, type RequestTime } from '../http/timing.js';
import { runningServers } from '../http/server.js';
import type { RouteTimes } from './wire.js';

/** About so many requests are timed a second. */
const TIMED_PER_SECOND = 100;
/** Routes that come later are counted together. */
const MOST_ROUTES = 100;
const OTHER = 'other';
/** Segments of a path that a route has; the rest is `…`. */
const SEGMENTS = 3;
/** Bucket i holds times up to 2 ** (i / 2 - 10) ms, from 1 µs to 6 minutes. */
export const BUCKETS = 58;
const FIRST_EXPONENT = -10;
/** How much of a rate is the newest tick. */
const NEWEST = 0.2;

/** A segment that names one of many things: a number, a UUID, a long word with digits. */
const ID = /^(?:\d+|[\da-f]{8}-[\da-f-]{27}|(?=.*\d)[\w-]{16,})$/i;

/** `GET /users/:id/orders` for `GET /users/12/orders?from=7`. */
export function routeOf(method: string, target: string): string {
  const path = target.split('?', 1)[0]!;
  const segments = path.split('/').filter((segment) => segment !== '');
  const shown = segments.slice(0, SEGMENTS).map((segment) => (ID.test(segment) ? ':id' : segment));
  if (segments.length > SEGMENTS) shown.push('…');
  return `${method} /${shown.join('/')}`;
}

/** The bucket for a time in milliseconds. */
export function bucketOf(ms: number): number {
  return Math.min(Math.max(Math.ceil((Math.log2(ms) - FIRST_EXPONENT) * 2), 0), BUCKETS - 1);
}

/** The time below which the share `q` of those in the buckets lies, as far as buckets can tell. */
export function quantile(buckets: readonly number[], q: number): number {
  const all = buckets.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [i, count] of buckets.entries()) {
    seen += count;
    if (seen >= all * q && count > 0) return 2 ** (i / 2 + FIRST_EXPONENT);
  }
  return 0;
}

interface Route {
  buckets: number[];
  requests: number;
  failures: number;
  since: number;
  rate: number;
}

/** The times of handlers by route. */
export class Routes {
  private readonly routes = new Map<string, Route>();

  add({ method, target, ms, failed, weight }: RequestTime): void {
    const name = routeOf(method, target);
    const key = this.routes.has(name) || this.routes.size < MOST_ROUTES ? name : OTHER;
    let route = this.routes.get(key);
    if (!route) this.routes.set(key, (route = { buckets: Array<number>(BUCKETS).fill(0), requests: 0, failures: 0, since: 0, rate: -1 }));
    route.buckets[bucketOf(ms)]! += weight;
    route.requests += weight;
    route.since += weight;
    if (failed) route.failures += weight;
  }

  endTick(seconds: number): void {
    for (const route of this.routes.values()) {
      const now = route.since / seconds;
      route.rate = route.rate < 0 ? now : route.rate + NEWEST * (now - route.rate);
      route.since = 0;
    }
  }

  get times(): RouteTimes[] {
    const times = [...this.routes].map(([route, { buckets, requests, failures, rate }]) => ({
      route, requests, failures, rate: Math.max(rate, 0), buckets,
      p50: quantile(buckets, 0.5), p95: quantile(buckets, 0.95), p99: quantile(buckets, 0.99),
    }));
    return times.sort((a, b) => b.requests - a.requests);
  }
}

/** Times the requests of this thread's servers between `start` and `stop`. */
export class RouteRecorder {
  private routes = new Routes();
  private before = 0;

  start(): void {
    this.routes = new Routes();
    this.before = answered();
    // The first seconds of a busy server must not cost it much either.
    timeRequests(100, (time) => { this.routes.add(time); });
  }

  stop(): void {
    stopTiming();
  }

  endTick(seconds: number): void {
    const now = answered();
    this.routes.endTick(seconds);
    timeRequests(Math.max(1, Math.round((now - this.before) / seconds / TIMED_PER_SECOND)));
    this.before = now;
  }

  get times(): RouteTimes[] {
    return this.routes.times;
  }
}

function answered(): number {
  return runningServers().reduce((sum, server) => sum + server.stats.requests, 0);
}
