import { wait } from '../async/wait.js';
import { serve, type Server } from '../http.js';

/** The type of Prometheus's text format. */
export const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';

/** Serves `/metrics`, for Prometheus, without keeping the process alive. Throws as `serve`. */
export function serveMetrics(place: { host: string; port: number }, page: () => Promise<string>): Server {
  const server = serve((request) => {
    if (request.path !== '/metrics') return { status: 404, body: 'try /metrics\n' };
    return { headers: { 'Content-Type': PROMETHEUS, 'Cache-Control': 'no-store' }, body: wait(page()) };
  }, { maxConnections: 32, ...place }).unref();
  server.observe();
  return server;
}
