import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';

import { sleep } from 'stackful';
import { coroutine } from 'stackful/embed';
import { serve } from 'stackful/http';

const app = new Hono();
app.get('/users/:id', (context) => context.json({ id: context.req.param('id'), agent: context.req.header('x-agent') }));
app.post('/echo', async (context) => context.text(await context.req.text()));
app.get('/later', coroutine((context) => {
  sleep(1);
  return context.text('later');
}));

describe('serve', () => {
  it.each<[string, () => ReturnType<typeof serve>]>([
    ['an application', () => serve(app, { host: '127.0.0.1' })],
    ['its fetch', () => serve(app.fetch, { host: '127.0.0.1' })],
    ['an object with fetch', () => serve({ fetch: (request) => app.fetch(request) }, { host: '127.0.0.1' })],
  ])('takes %s', async (_name, make) => {
    await using server = closing(make());
    const at = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${String(server.port)}${path}`, init);
    expect(await (await at('/users/7?a=b', { headers: { 'X-Agent': 'x' } })).json()).toEqual({ id: '7', agent: 'x' });
    expect(await (await at('/echo', { method: 'POST', body: 'sent' })).text()).toBe('sent');
    expect(await (await at('/later')).text()).toBe('later');
    expect((await at('/none')).status).toBe(404);
  });

  it('still takes handlers of its own requests', async () => {
    await using server = closing(serve((request) => request.path, { host: '127.0.0.1' }));
    expect(await (await fetch(`http://127.0.0.1:${String(server.port)}/a`)).text()).toBe('/a');
    expect(() => serve({} as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error);
  });
});

function closing(server: ReturnType<typeof serve>) {
  return { port: server.port, [Symbol.asyncDispose]: async () => { await server.close(); } };
}
