import type { ServerStats } from './serve_options.js';

/** Of servers that have been closed: what has been counted once does not go down. */
const past: Omit<ServerStats, 'connections'> = { accepted: 0, requests: 0, shed: 0, bytesReceived: 0, bytesSent: 0 };
const COUNTED = Object.keys(past) as (keyof typeof past)[];

/** Counts on with the figures of a server that ends. */
export function addToTotals(stats: ServerStats): void {
  for (const name of COUNTED) past[name] += stats[name];
}

/** The sums of these servers and of all that have ended. */
export function totalsWith(running: readonly { readonly stats: ServerStats }[]): ServerStats {
  const sum = { connections: 0, ...past };
  for (const { stats } of running) {
    sum.connections += stats.connections;
    for (const name of COUNTED) sum[name] += stats[name];
  }
  return sum;
}
