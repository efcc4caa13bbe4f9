// Requests and responses of streams are those of HTTP/1.1.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AsyncLocalStorage } from 'node:async_hooks';

import { Channel, current, sleep } from 'stackful';
import { HttpError, staticFiles, type Request } from 'stackful/http';
import { exchange, start, url } from '../helpers.js';
import { temporaryDirectory } from '../../net/peers.js';
import { ask, session } from './peers.js';

const options = { http2: true };

describe('a request over HTTP/2', () => {
  it('has the properties of one over HTTP/1.1', async () => {
    const server = start((request) => {
      const { method, path, target, httpVersion, remoteAddress, hasBody, tls } = request;
      return JSON.stringify({
        method, path, target, httpVersion, remoteAddress, hasBody, tls: tls !== undefined, query: request.query.get('a'),
        headers: request.headers.toObject(), body: request.text(), name: current()!.name,
      });
    }, options);
    const client = session(server);
    const { status, body } = await ask(client, { ':path': '/a%20b/../c?a=1', ':method': 'POST', 'x-y': 'z', cookie: ['a=1', 'b=2'] }, 'body');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      method: 'POST', path: '/c', target: '/a%20b/../c?a=1', httpVersion: '2.0', remoteAddress: '127.0.0.1', hasBody: true, tls: false, query: '1',
      headers: { host: `localhost:${server.port}`, 'x-y': 'z', cookie: 'a=1; b=2' }, body: 'body', name: 'POST /a%20b/../c',
    });
    const plain = JSON.parse((await ask(client, '/')).body) as Record<string, unknown>;
    expect(plain).toMatchObject({ method: 'GET', hasBody: false, body: '' });
    expect((await ask(client, { ':path': '/', ':method': 'PROPFIND' })).body).toContain('"method":"PROPFIND"');
  });

  it('is answered beside those of HTTP/1.1 on the same port', async () => {
    const server = start((request) => request.httpVersion, options);
    expect(await (await fetch(url(server))).text()).toBe('1.1');
    expect((await ask(session(server), '/')).body).toBe('2.0');
    expect(server.stats).toMatchObject({ accepted: 2, requests: 2 });
  });

  it('has a coroutine of its own: one that waits holds none up', async () => {
    const channel = new Channel<string>();
    const server = start((request) => {
      if (request.path === '/wait') return channel.receive();
      channel.send(request.path);
      return 'sent';
    }, options);
    const client = session(server);
    const waiting = ask(client, '/wait');
    expect((await ask(client, '/other')).body).toBe('sent');
    expect((await waiting).body).toBe('/other');
  });

  it('has its place among 1,000, a hundred at a time', async () => {
    let most = 0;
    let running = 0;
    const server = start((request) => {
      most = Math.max(most, ++running);
      sleep(1);
      running--;
      return request.target;
    }, options);
    const client = session(server);
    await new Promise((resolve) => client.once('remoteSettings', resolve));
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => ask(client, `/${i}`)));
    expect(answers.map(({ body }) => body)).toEqual(answers.map((_, i) => `/${i}`));
    expect(most).toBeLessThanOrEqual(100);
    expect(server.stats.requests).toBe(1000);
  });

  it('keeps the async context of the call of serve', async () => {
    const storage = new AsyncLocalStorage<number>();
    const server = storage.run(1, () => start(() => {
      const before = storage.getStore();
      storage.enterWith(2);
      return String(before);
    }, options));
    const client = session(server);
    expect([(await ask(client, '/')).body, (await ask(client, '/')).body]).toEqual(['1', '1']);
  });

  it('reads its body in pieces, and in one', async () => {
    const server = start((request) => {
      if (request.path === '/whole') return String(request.readBody(10_000_000).length);
      let bytes = 0;
      for (const chunk of request.chunks(10_000_000)) bytes += chunk.length;
      return String(bytes);
    }, options);
    const client = session(server);
    const body = Buffer.alloc(3_000_000, 'x');
    const [whole, pieces] = await Promise.all(['/whole', '/pieces'].map((path) => ask(client, { ':path': path, ':method': 'PUT' }, body)));
    expect([whole!.body, pieces!.body]).toEqual(['3000000', '3000000']);
  });

  it('has trailers behind its body', async () => {
    const server = start((request) => {
      const before = request.trailers.get('x-sum');
      request.text();
      return `${before} ${request.trailers.get('X-Sum')} ${JSON.stringify(request.trailers.toObject())}`;
    }, options);
    const stream = session(server).request({ ':path': '/', ':method': 'POST' }, { endStream: false, waitForTrailers: true });
    let text = '';
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    stream.on('wantTrailers', () => { stream.sendTrailers({ 'x-sum': '12' }); });
    stream.end('body');
    await new Promise((resolve) => stream.once('close', resolve));
    expect(text).toBe('undefined 12 {"x-sum":"12"}');
  });

  it('gives an error the same status', async () => {
    const server = start((request) => {
      if (request.path === '/http') throw new HttpError(418, 'a teapot');
      if (request.path === '/json') return String(request.json());
      if (request.path === '/large') return request.text(10);
      throw new Error('unexpected');
    }, options);
    const client = session(server);
    expect(await ask(client, '/http')).toMatchObject({ status: 418, body: 'a teapot\n' });
    expect(await ask(client, { ':path': '/json', ':method': 'POST' }, '{')).toMatchObject({ status: 400 });
    expect(await ask(client, { ':path': '/large', ':method': 'POST' }, 'x'.repeat(11))).toMatchObject({ status: 413 });
    expect(await ask(client, '/')).toMatchObject({ status: 500, body: '500 Internal Server Error\n' });
    expect(await ask(client, '/%2')).toMatchObject({ status: 400 });
    expect(server.errors).toHaveLength(1);
  });
});

describe('a response over HTTP/2', () => {
  const kinds: Record<string, (request: Request) => ReturnType<Parameters<typeof start>[0]>> = {
    '/text': () => 'text',
    '/unicode': () => 'ü€😀',
    '/bytes': () => Buffer.from([1, 2, 3]),
    '/nothing': () => undefined,
    '/parts': () => ({ status: 201, headers: { 'X-A': ['1', '2'], 'Content-Type': 'text/css' }, body: 'p {}' }),
    '/iterator': () => ({ body: ['a', Buffer.from('b'), '', 'c'] }),
    '/length': () => ({ headers: { 'Content-Length': 3 }, body: ['a', 'bc'] }),
    '/fetched': () => new Response('fetched', { status: 203, headers: { 'x-b': 'c', connection: 'x' } }),
    '/large': () => 'ü'.repeat(500_000),
    '/empty': () => '',
    '/304': () => ({ status: 304, headers: { ETag: '"x"' } }),
    '/close': () => ({ headers: { Connection: 'close' }, body: 'goes on' }),
    '/promise': async () => Promise.resolve('promised'),
  };

  it('is what it is over HTTP/1.1, whatever the handler returns', async () => {
    const server = start((request) => kinds[request.path]!(request), options);
    const client = session(server);
    const gone = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date']);
    for (const path of Object.keys(kinds)) {
      for (const method of ['GET', 'HEAD']) {
        const first = await fetch(url(server, path), { method });
        const body = await first.text();
        const second = await ask(client, { ':path': path, ':method': method });
        expect([path, second.status, second.body]).toEqual([path, first.status, body]);
        expect(second.headers['date']).toBeDefined();
        const headers = Object.fromEntries([...first.headers].filter(([name]) => !gone.has(name)));
        const others = Object.entries(second.headers).filter(([name]) => !name.startsWith(':') && !gone.has(name));
        expect([path, method, Object.fromEntries(others)]).toEqual([path, method, headers]);
      }
    }
    expect(server.errors).toEqual([]);
  });

  it('may be a file of staticFiles, conditional and in ranges', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'small.txt'), 'small');
    writeFileSync(join(directory, 'large.bin'), Buffer.alloc(3_000_000, 'l'));
    const server = start(staticFiles(directory), options);
    const client = session(server);
    const small = await ask(client, '/small.txt');
    expect(small).toMatchObject({ status: 200, body: 'small' });
    expect(await ask(client, { ':path': '/small.txt', 'if-none-match': String(small.headers.etag) })).toMatchObject({ status: 304, body: '' });
    const all = await Promise.all(Array.from({ length: 10 }, () => ask(client, '/large.bin')));
    expect(all.map(({ body }) => body.length)).toEqual(Array.from({ length: 10 }, () => 3_000_000));
    expect(await ask(client, { ':path': '/large.bin', range: 'bytes=10-19' })).toMatchObject({ status: 206, body: 'l'.repeat(10) });
    expect(await ask(client, '/none')).toMatchObject({ status: 404 });
  });

  it('may have trailers, which are made when the body is sent', async () => {
    let sum = 0;
    const body = function* () {
      for (const part of ['a', 'bc']) {
        sum += part.length;
        yield part;
      }
    };
    const server = start((request) => request.path === '/none' ? { body: 'x', trailers: {} } : { body: body(), trailers: () => ({ 'X-Sum': sum }) }, options);
    const client = session(server);
    expect(await ask(client, '/')).toMatchObject({ body: 'abc', trailers: { 'x-sum': '3' } });
    expect(await ask(client, '/none')).toMatchObject({ body: 'x', trailers: undefined });
    expect(server.errors).toEqual([]);
  });

  it('may have trailers over HTTP/1.1, too, for clients that take them', async () => {
    const server = start(() => ({ headers: { 'Content-Type': 'text/css' }, body: ['a', 'bc'], trailers: { 'X-Sum': 3 } }));
    const ask = (more: string) => exchange(server, `GET / HTTP/1.1\r\nHost: a\r\n${more}\r\n\r\n`);
    expect(await ask('TE: trailers')).toMatch(/\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\nX-Sum: 3\r\n\r\n$/);
    expect(await ask('X: y')).toMatch(/\r\n2\r\nbc\r\n0\r\n\r\n$/);
    const wrong = start(() => ({ body: 5 as never, trailers: {} }));
    expect(await exchange(wrong, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 500/);
    expect(wrong.errors).toMatchObject([{ code: 'ERR_INVALID_ARG_TYPE' }]);
  });

  it('is reset when it fails half-way, which ends only its stream', async () => {
    const server = start((request) => request.path === '/' ? 'fine' : { body: (function* () {
      yield 'half';
      throw new Error('of the source');
    })() }, options);
    const client = session(server);
    await expect(ask(client, '/half')).rejects.toThrow('NGHTTP2_INTERNAL_ERROR');
    expect(await ask(client, '/')).toMatchObject({ body: 'fine' });
    expect(server.errors).toMatchObject([{ message: 'of the source' }]);
  });
});
