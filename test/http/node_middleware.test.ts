import cors from 'cors';
import helmet from 'helmet';
import { describe, expect, it } from 'vitest';

import { sleep } from 'stackful';
import { nodeMiddleware, type Handler } from 'stackful/http';
import { start, url } from './helpers.js';

interface Answer { statusCode: number; setHeader(name: string, value: string): void; end(body?: string): void }
type Simple = (request: { method: string; url: string; headers: Record<string, string> }, response: Answer, next: (error?: unknown) => void) => unknown;
const around = (middleware: Simple, handler: Handler = () => 'handled') => start(nodeMiddleware(middleware)(handler));

describe('nodeMiddleware', () => {
  it("adds helmet's headers", async () => {
    const server = start(nodeMiddleware(helmet())(() => ({ headers: { 'X-Own': 'a' }, body: 'page' })));
    const { headers } = await fetch(url(server));
    expect([headers.get('x-content-type-options'), headers.get('x-own'), headers.get('content-security-policy')])
      .toEqual(['nosniff', 'a', expect.stringContaining("default-src 'self'")]);
  });

  it('answers preflight requests by cors, and marks the others', async () => {
    const server = start(nodeMiddleware(cors({ origin: ['https://a.example'], credentials: true }))(() => ({ headers: { Vary: 'Accept' }, body: 'x' })));
    const preflight = await fetch(url(server), {
      method: 'OPTIONS', headers: { origin: 'https://a.example', 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-a' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin'), preflight.headers.get('access-control-allow-headers')])
      .toEqual([204, 'https://a.example', 'x-a']);
    const { headers } = await fetch(url(server), { headers: { origin: 'https://a.example' } });
    expect([headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual(['https://a.example', 'Accept, Origin']);
    expect((await fetch(url(server), { headers: { origin: 'https://b.example' } })).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('waits for next, and lets the handler park', async () => {
    const server = around((request, response, next) => {
      response.setHeader('X-Seen', `${request.method} ${request.url} ${request.headers.host!.split(':')[0]!}`);
      setTimeout(next, 1);
    }, () => (sleep(1), 'after'));
    const response = await fetch(url(server, '/a?b'));
    expect([await response.text(), response.headers.get('x-seen')]).toEqual(['after', 'GET /a?b 127.0.0.1']);
  });

  it('ends the response without the handler', async () => {
    const server = around((_request, response) => {
      response.statusCode = 403;
      response.setHeader('X-Why', 'no');
      response.end('stop');
    }, () => { throw new Error('called'); });
    const response = await fetch(url(server));
    expect([response.status, await response.text(), response.headers.get('x-why'), server.errors]).toEqual([403, 'stop', 'no', []]);
  });

  it.each<[string, Simple]>([
    ['throws', () => { throw new Error('refused'); }],
    ['gives next an error', (_request, _response, next) => { next(new Error('refused')); }],
    ['rejects', async () => { await Promise.resolve(); throw new Error('refused'); }],
  ])('fails when it %s', async (_name, middleware) => {
    const server = around(middleware);
    expect((await fetch(url(server))).status).toBe(500);
    expect(server.errors).toEqual([expect.objectContaining({ message: 'refused' })]);
    expect(() => nodeMiddleware('x' as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error);
  });
});
