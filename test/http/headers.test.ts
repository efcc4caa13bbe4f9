import { gzipSync } from 'node:zlib';
import { createServer, type Server as NodeServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { serve, staticFiles, type ResponseHeaders } from 'stackful/http';
import { ask, exchange, get, open, parse, readAll, start, url } from './helpers.js';

describe('response headers', () => {
  it('go out as Latin-1, as they come in', async () => {
    const value = 'caf\u00e9 \u00ff\u0080';
    const server = start((request) => ({ headers: { 'X-Echo': request.headers.get('x-sent')!, 'X-Own': value }, body: request.path === '/parts' ? ['x'] : 'x' }));
    for (const path of ['/', '/parts']) {
      const answer = await ask(server, get(path, `X-Sent: ${value}`));
      expect(answer.headers).toMatchObject({ 'x-echo': value, 'x-own': value });
    }
  });

  it('go out as Latin-1 when they are many', async () => {
    const headers = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`X-${String(i)}`, '\u00e9'.repeat(1000)]));
    expect((await ask(start(() => ({ headers, body: 'x' })), get())).headers['x-39']).toBe('\u00e9'.repeat(1000));
  });

  const pairs: [string, string][] = [['X-A', 'b'], ['Content-Type', 'text/x'], ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']];
  const forms: Record<string, () => ResponseHeaders> = {
    'a Headers': () => new Headers(pairs),
    'a Map': () => new Map<string, string | string[]>([['X-A', 'b'], ['Content-Type', 'text/x'], ['Set-Cookie', ['a=1', 'b=2']]]),
    pairs: () => pairs,
    'frozen pairs': () => Object.freeze([...pairs]),
    'a generator of pairs': () => pairs.values(),
  };
  it.each(Object.entries(forms))('may be %s', async (_name, headers) => {
    const server = start(() => ({ headers: headers(), body: 'x' }));
    const answer = await fetch(url(server));
    expect(answer.headers.get('x-a')).toBe('b');
    expect(answer.headers.get('content-type')).toBe('text/x');
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(server.errors).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['a list of what is no pair', ['x'], 'ERR_INVALID_ARG_TYPE'],
    ['pairs without a value', [['x']], 'ERR_INVALID_ARG_TYPE'],
    ['text', 'X-A: b', 'ERR_INVALID_ARG_TYPE'],
    ['a line end in a Map', new Map([['X', 'a\r\nb: c']]), 'ERR_INVALID_CHAR'],
    ['two lengths', [['Content-Length', '1'], ['Content-Length', '2']], 'ERR_INVALID_CHAR'],
    ['an Upgrade that is not asked for', { Upgrade: 'h2c' }, 'ERR_HTTP_FORBIDDEN_HEADER'],
  ])('are refused when they are %s', async (_name, headers, code) => {
    const server = start(() => ({ headers: headers as ResponseHeaders, body: 'x' }));
    expect((await ask(server, get())).status).toBe(500);
    expect(server.errors).toEqual([expect.objectContaining({ code })]);
  });

  it('of a 426 name the protocol', async () => {
    for (const headers of [{ Upgrade: 'TLS/1.2, HTTP/2' }, { Upgrade: 'TLS/1.2, HTTP/2', Connection: 'Upgrade, close' }]) {
      const server = start(() => ({ status: 426, headers, body: 'upgrade' }));
      const text = await exchange(server, get());
      expect(text).toContain('\r\nUpgrade: TLS/1.2, HTTP/2\r\nConnection: Upgrade\r\n');
      expect(text.includes('\r\nConnection: close\r\n')).toBe('Connection' in headers);
      expect(server.errors).toEqual([]);
    }
  });
});

describe('a Response as in fetch', () => {
  const peers: NodeServer[] = [];
  afterEach(() => { for (const peer of peers.splice(0)) peer.close(); });

  it.each<[string, () => Response, number, string, Record<string, string>]>([
    ['of text', () => new Response('hello'), 200, 'hello', { 'content-type': 'text/plain;charset=UTF-8' }],
    ['of JSON', () => Response.json({ a: 1 }, { status: 201, headers: { 'X-A': 'b' } }), 201, '{"a":1}', { 'x-a': 'b', 'content-type': 'application/json' }],
    ['of nothing', () => new Response(null, { status: 204 }), 204, '', {}],
    ['that redirects', () => Response.redirect('http://127.0.0.1/x', 302), 302, '', { location: 'http://127.0.0.1/x' }],
    ['of bytes', () => new Response(Buffer.from('bytes')), 200, 'bytes', {}],
    ['of a stream', () => new Response(new Blob(['a', 'b']).stream()), 200, 'ab', {}],
    ['that is encoded', () => new Response(gzipSync('zipped'), { headers: { 'Content-Encoding': 'gzip' } }), 200, 'zipped', { 'content-encoding': 'gzip' }],
  ])('%s', async (_name, make, status, body, headers) => {
    const server = start(() => make());
    const answer = await fetch(url(server), { redirect: 'manual' });
    expect(answer.status).toBe(status);
    expect(await answer.text()).toBe(body);
    for (const [name, value] of Object.entries(headers)) expect(answer.headers.get(name)).toBe(value);
    expect(server.errors).toEqual([]);
  });

  it('that was fetched goes on without what was for us', async () => {
    const peer = createServer((request, response) => {
      response.setHeader('Set-Cookie', ['a=1', 'b=2']);
      if (request.url === '/zipped') response.setHeader('Content-Encoding', 'gzip').end(gzipSync('zipped'));
      else {
        response.setHeader('Connection', 'close').write('in ');
        response.end('parts');
      }
    }).listen(0, '127.0.0.1');
    peers.push(peer);
    await new Promise((resolve) => peer.once('listening', resolve));
    const base = `http://127.0.0.1:${String((peer.address() as AddressInfo).port)}`;
    const server = start((request) => fetch(base + request.path));
    for (const [path, text] of [['/zipped', 'zipped'], ['/parts', 'in parts']] as const) {
      const answer = await ask(server, get(path, 'Connection: keep-alive'));
      expect(answer.body).toBe(text);
      expect(answer.headers['content-encoding']).toBeUndefined();
      expect(answer.headers['connection']).toBeUndefined();
      expect((await fetch(url(server, path))).headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    }
    expect(server.errors).toEqual([]);
  });

  it('whose body was read is refused', async () => {
    const server = start(async () => {
      const response = new Response('once');
      await response.text();
      return response;
    });
    expect((await ask(server, get())).status).toBe(500);
    expect(server.errors).toEqual([expect.objectContaining({ code: 'ERR_HTTP_BODY_IN_USE' })]);
  });
});

describe('what means nothing', () => {
  it.each<[string, object, RegExp]>([
    ['statusCode', { statusCode: 404, body: 'x' }, /response\.statusCode means nothing here; did you mean response\.status\?/],
    ['a', { status: 200, a: 1 }, /response\.a means nothing here.*To send the object itself, return json\(object\)/],
    ['header', { status: 200, header: {} }, /did you mean response\.headers\?/],
    ['content', { status: 200, boddy: 'x' }, /did you mean response\.body\?/],
  ])('in a response is an error: %s', async (_name, response, message) => {
    const server = start(() => response);
    expect((await ask(server, get())).status).toBe(500);
    expect(server.errors).toEqual([expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION', message: expect.stringMatching(message) as string })]);
  });

  it('may be undefined', async () => {
    const server = start(() => ({ body: 'x', statusText: undefined }));
    expect((await ask(server, get())).body).toBe('x');
  });

  it.each<[string, object, RegExp]>([
    ['quic', { quic: {} }, /options\.quic means nothing here\. Known are port/],
    ['a host in other words', { hostname: 'localhost' }, /did you mean options\.host\?/],
    ['a limit', { limits: { headByte: 1000 } }, /did you mean options\.limits\.headBytes\?/],
    ['of shedding', { shed: { delay: 10 } }, /did you mean options\.shed\.delayMs\?/],
  ])('in the options of serve is an error: %s', (_name, options, message) => {
    expect(() => serve(() => '', options)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION', message: expect.stringMatching(message) as string }));
  });

  it('in other options is an error', () => {
    expect(() => staticFiles('.', { maxAge: 5 } as object)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
    expect(() => staticFiles('.', { cache: { byte: 5 } as object })).toThrow(/did you mean options\.cache\.bytes\?/);
    const server = start(() => '');
    expect(() => server.close({ timeout: 5 } as object)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
  });
});

describe('CONNECT', () => {
  it('is refused, and ends the connection: the bytes behind it belong to another protocol', async () => {
    const server = start((request) => request.path);
    const socket = await open(server);
    socket.write(`CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n${get('/smuggled')}`);
    const answers = parse(await readAll(socket));
    expect(answers).toMatchObject([{ status: 501, headers: { connection: 'close' } }]);
    expect(server.stats.requests).toBe(1);
  });
});

describe('the log of a request that failed', () => {
  it('has method, target and causes', async () => {
    const lines: string[] = [];
    const print = console.error;
    console.error = (line: string) => void lines.push(line);
    try {
      const server = serve(() => {
        throw new Error('no user', { cause: new RangeError('no such row') });
      }, { host: '127.0.0.1' });
      await exchange(server, get('/users/5?full=1').replace('GET', 'PURGE'));
      await server.close();
    } finally {
      console.error = print;
    }
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^stackful\/http: PURGE \/users\/5\?full=1 failed: Error: no user\n/);
    expect(lines[0]).toMatch(/cause.*RangeError: no such row/s);
  });
});
