// A proxy in front of servers, asked by the client of this library.
import { afterEach } from 'vitest';
import { proxy, type ProxyFailure, type ProxyHandler, type ProxyOptions, type ServeOptions, type Server } from 'stackful/http';
import { Client } from 'stackful/http/client';

import { start, url } from '../helpers.js';

const handlers: ProxyHandler[] = [];
afterEach(() => {
  for (const handler of handlers.splice(0)) handler.close();
});

/** A proxy that serves, a client of it, and what it has told. */
export interface Front {
  server: Server;
  handler: ProxyHandler;
  client: Client;
  /** What `onError` was told. */
  failures: (ProxyFailure & { code: string | undefined })[];
}

export function front(upstreams: string | string[], options: ProxyOptions = {}, more: ServeOptions = {}): Front {
  const failures: Front['failures'] = [];
  const onError = (error: unknown, failure: ProxyFailure) => { failures.push({ ...failure, code: (error as NodeJS.ErrnoException).code }); };
  const handler = proxy(upstreams, { onError, ...options });
  handlers.push(handler);
  const server = start(handler, more);
  return { server, handler, failures, client: new Client({ origin: url(server) }) };
}

export const origin = (server: Server) => `http://127.0.0.1:${server.port}`;
