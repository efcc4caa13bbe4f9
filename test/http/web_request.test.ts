import { connect } from 'node:net';
import { Hono } from 'hono';
import { afterEach, describe, expect, it } from 'vitest';

import { serve, type Request as OurRequest, type Server } from 'stackful/http';

let server: Server;
afterEach(() => server.close());

function serving(handler: (request: OurRequest) => unknown): string {
  server = serve(handler as never, { port: 0, host: '127.0.0.1' });
  return `http://127.0.0.1:${String(server.port)}`;
}

/** The answer to what is sent as it is. */
function raw(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    connect(Number(new URL(url).port), '127.0.0.1')
      .setEncoding('latin1')
      .on('data', (part) => { answer += String(part); })
      .on('end', () => { resolve(answer); })
      .on('error', reject)
      .write(text, 'latin1');
  });
}

describe('request.toWeb()', () => {
  it('says the same as the request', async () => {
    const url = serving((request) => {
      const web = request.toWeb();
      return JSON.stringify([web.url, web.method, web.headers.get('x-Id'), web.body, web === request.toWeb(), web instanceof Request]);
    });
    const answer = await fetch(`${url}/a%20b?c=d&c=e`, { headers: { 'X-Id': '17' } });
    expect(await answer.json()).toEqual([`${url}/a%20b?c=d&c=e`, 'GET', '17', null, true, true]);
  });

  it('reads a body when it is asked for', async () => {
    const url = serving((request) => request.toWeb().json().then((body: unknown) => JSON.stringify({ got: body })));
    const post = (body: string) => fetch(url, { method: 'POST', body });
    expect(await (await post('{"a":1}')).json()).toEqual({ got: { a: 1 } });
    const long = JSON.stringify('x'.repeat(500_000));
    expect(await (await post(long)).json()).toEqual({ got: JSON.parse(long) });
  });

  it('takes forms, and files in them', async () => {
    const url = serving(async (request) => {
      const form = await request.toWeb().formData();
      const file = form.get('file') as File;
      return `${form.get('name') as string} ${file.name} ${await file.text()}`;
    });
    const form = new FormData();
    form.set('name', 'Ada');
    form.set('file', new Blob(['contents']), 'notes.txt');
    expect(await (await fetch(url, { method: 'POST', body: form })).text()).toBe('Ada notes.txt contents');
  });

  it('answers with what it still receives', async () => {
    const url = serving((request) => new Response(request.toWeb().body));
    const body = 'echo '.repeat(20_000);
    expect(await (await fetch(url, { method: 'PUT', body })).text()).toBe(body);
  });

  it('goes on with the connection when a body is not read, and not twice with one', async () => {
    const url = serving((request) => {
      request.toWeb();
      return request.path === '/twice' ? request.text() : 'unread';
    });
    for (let i = 0; i < 3; i++) expect(await (await fetch(url, { method: 'POST', body: 'x'.repeat(100_000) })).text()).toBe('unread');
    expect((await fetch(`${url}/twice`, { method: 'POST', body: 'x' })).status).toBe(500);
  });

  it('rejects with the limit of a body that is too long', async () => {
    server = serve((request) => request.toWeb().text(), { port: 0, host: '127.0.0.1', limits: { bodyBytes: 10 } });
    const url = `http://127.0.0.1:${String(server.port)}`;
    expect((await fetch(url, { method: 'POST', body: 'x'.repeat(11) })).status).toBe(413);
    expect(await (await fetch(url, { method: 'POST', body: 'x'.repeat(10) })).text()).toBe('x'.repeat(10));
  });

  it('takes every form of target, and refuses what is no URL', async () => {
    const url = serving((request) => request.toWeb().url);
    const asked = async (line: string, host = 'Host: a.example\r\n') => {
      const answer = await raw(url, `${line} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
      return `${answer.slice(9, 12)} ${answer.slice(answer.indexOf('\r\n\r\n') + 4)}`;
    };
    expect(await asked('GET /x?y')).toBe('200 http://a.example/x?y');
    expect(await asked('GET //b.example/x')).toBe('200 http://a.example//b.example/x');
    expect(await asked('GET http://b.example/x')).toBe('200 http://b.example/x');
    expect(await asked('OPTIONS *')).toBe('200 http://a.example/');
    expect(await asked('GET /x', 'Host:\r\n')).toBe('200 http://localhost/x');
    expect(await asked('GET /x', 'Host: [::1\r\n')).toMatch(/^400 /);
    expect(await asked('TRACE /x')).toMatch(/^501 /);
    expect(await asked('BREW /x')).toBe('200 http://a.example/x');
  });

  it('is over with its request', async () => {
    let kept!: OurRequest;
    const url = serving((request) => { kept = request; });
    await fetch(url);
    expect(() => kept.toWeb()).toThrow(expect.objectContaining({ code: 'ERR_HTTP_REQUEST_OVER' }));
  });

  it('carries an application of Hono: cookies, forms, streams, redirects, errors', async () => {
    const app = new Hono();
    app.get('/cookies', (context) => {
      context.header('Set-Cookie', 'a=1', { append: true });
      context.header('Set-Cookie', 'b=2', { append: true });
      return context.text(context.req.header('cookie') ?? '');
    });
    app.post('/form', async (context) => context.json(await context.req.parseBody()));
    app.get('/parts', (context) => context.body(ReadableStream.from(['one ', 'two']).pipeThrough(new TextEncoderStream())));
    app.get('/away', (context) => context.redirect('/cookies'));
    app.get('/fail', () => { throw new Error('a mistake'); });
    app.onError((error, context) => context.text(error.message, 500));
    const url = serving((request) => app.fetch(request.toWeb()));
    const cookies = await fetch(`${url}/cookies`, { headers: { cookie: 'c=3; d=4' } });
    expect([await cookies.text(), cookies.headers.getSetCookie()]).toEqual(['c=3; d=4', ['a=1', 'b=2']]);
    expect(await (await fetch(`${url}/form`, { method: 'POST', body: new URLSearchParams({ a: '1' }) })).json()).toEqual({ a: '1' });
    expect(await (await fetch(`${url}/parts`)).text()).toBe('one two');
    expect((await fetch(`${url}/away`, { redirect: 'manual' })).headers.get('location')).toBe('/cookies');
    const failed = await fetch(`${url}/fail`);
    expect([failed.status, await failed.text()]).toEqual([500, 'a mistake']);
    expect((await fetch(`${url}/none`)).status).toBe(404);
    expect((await fetch(`${url}/cookies`, { method: 'HEAD' })).status).toBe(200);
  });
});
