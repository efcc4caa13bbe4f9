import { spawn } from '../../coroutine/coroutine.js';
import { timeout } from '../../coroutine/timeout.js';
import { exchange, type Order } from '../client/exchange.js';
import type { HealthCheck, Settings } from './options.js';
import { termsOf, type Upstream } from './upstream.js';

/** Asks each upstream from time to time whether it works; the timer keeps no process alive. Returns what ends that. Never parks. */
export function watchHealth(upstreams: readonly Upstream[], settings: Settings, health: Required<HealthCheck>): () => void {
  const checking = new Set<Upstream>();
  const checkAll = () => {
    for (const upstream of upstreams) {
      // One that hangs is not asked again meanwhile.
      if (checking.has(upstream)) continue;
      checking.add(upstream);
      spawn(() => {
        try {
          check(upstream, settings, health);
        } finally {
          checking.delete(upstream);
        }
      }, { name: `health of ${upstream.url}` });
    }
  };
  checkAll();
  const timer = setInterval(checkAll, health.interval).unref();
  return () => { clearInterval(timer); };
}

/** Parks. */
function check(upstream: Upstream, settings: Settings, health: Required<HealthCheck>): void {
  const { pool, origin, prefix, url } = upstream;
  const head = `GET ${prefix}${health.path} HTTP/1.1\r\nHost: ${origin.authority}\r\nUser-Agent: stackful-proxy\r\n\r\n`;
  const order: Order = { method: 'GET', head, body: undefined, upgrades: false, ...termsOf(settings) };
  try {
    const status = timeout(health.timeout, () => {
      const answer = exchange(pool, order);
      answer.body.discard();
      return answer.status;
    });
    if (status < 200 || status > 399) throw new Error(`its health check was answered with ${String(status)}`);
    upstream.succeeded();
  } catch (error) {
    const news = upstream.available;
    upstream.takeOut();
    // Once, not every few seconds.
    if (news) settings.onError(error, { upstream: url, request: undefined, status: 0 });
  }
}
