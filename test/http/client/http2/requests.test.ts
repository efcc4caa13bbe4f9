// Requests over HTTP/2 to our own server, node:http2's and nginx: what is above the exchange is the same as over HTTP/1.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import zlib from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { sleep, spawn } from 'stackful';
import { open } from 'stackful/fs';
import { serve, type Request, type ResponseLike } from 'stackful/http';
import { Client, type ClientOptions, type CookieJar } from 'stackful/http/client';

import { haveOpenssl, ordinary } from '../../../tls/certificates.js';
import { start } from '../../helpers.js';
import { thrown } from '../peers.js';
import { haveNginx, nginx, nodeServer } from './peers.js';

const directory = mkdtempSync(join(tmpdir(), 'stackful-http2-client-'));
afterAll(() => { rmSync(directory, { recursive: true }); });

const large = Buffer.alloc(3_000_000, 'abc');
writeFileSync(join(directory, 'large'), large);

function handler(incoming: Request): ResponseLike {
  switch (incoming.path) {
    case '/echo':
      return { headers: { 'X-Length': incoming.headers.get('content-length') ?? 'none' }, body: incoming.readBody(100_000_000) };
    case '/none': return { status: 204 };
    case '/same': return { status: 304 };
    case '/moved': return { status: 302, headers: { Location: '/here' } };
    case '/gzip': return { headers: { 'Content-Encoding': 'gzip' }, body: zlib.gzipSync('packed') };
    case '/large': return { body: large };
    case '/trailers': return { body: ['a', 'b'], trailers: { 'X-Sum': '17' } } as ResponseLike;
    case '/cookies': return { headers: { 'Set-Cookie': ['a=1', 'b=2'] }, body: incoming.headers.get('cookie') ?? 'none' };
    case '/slow': sleep(5); return 'slow';
    default: return `${incoming.method} ${incoming.target} ${incoming.httpVersion} ${incoming.headers.get('host') ?? ''}`;
  }
}

const wires: [what: string, options: ClientOptions, secure: boolean][] = [['with prior knowledge', { http2: 'prior-knowledge' }, false]];
if (haveOpenssl) wires.push(['over TLS', { http2: true, tls: { ca: ordinary().authority.cert } }, true]);

describe.each(wires)('a server of our own, %s', (_what, options, secure) => {
  const site = (): string => {
    const server = start(handler, { http2: true, limits: { bodyBytes: 100_000_000 }, ...(secure ? { tls: ordinary().server } : {}) });
    return secure ? `https://localhost:${server.port}` : `http://127.0.0.1:${server.port}`;
  };

  it('is asked and answers, with everything on one connection', async () => {
    const origin = site();
    await spawn(() => {
      using client = new Client({ ...options, origin });
      const response = client.request('/a?b=c', { headers: { 'X-Id': 'häh' } });
      expect([response.status, response.httpVersion, response.reason]).toEqual([200, '2.0', '']);
      expect(response.headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
      expect(response.text()).toBe(`GET /a?b=c 2.0 ${new URL(origin).host}`);
      const all = Array.from({ length: 50 }, (_, i) => spawn(() => client.request(i % 2 ? '/slow' : `/${i}`).text()));
      expect(all.map((one) => one.join()).filter((text) => text === 'slow')).toHaveLength(25);
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('HEAD, 204, 304', async () => {
    const origin = site();
    await spawn(() => {
      using client = new Client({ ...options, origin });
      for (const [method, path, status] of [['HEAD', '/large', 200], ['GET', '/none', 204], ['GET', '/same', 304]] as const) {
        const response = client.request(path, { method });
        expect([response.status, response.text()]).toEqual([status, '']);
      }
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  const bodies: [what: string, body: () => unknown, sent: Buffer | string, length: string][] = [
    ['text', () => 'häh', 'häh', '4'],
    ['nothing', () => '', '', '0'],
    ['many bytes', () => large, large, '3000000'],
    ['pieces', () => ['a', Buffer.from('b'), '', 'c'], 'abc', 'none'],
    ['a generator that waits', function* () { yield 'a'; sleep(2); yield 'b'; }, 'ab', 'none'],
    ['a file', () => open(join(directory, 'large')), large, '3000000'],
    ['a Blob', () => new Blob(['abc']), 'abc', '3'],
  ];

  it.each(bodies)('is sent %s', async (_name, body, sent, length) => {
    const origin = site();
    await spawn(() => {
      using client = new Client({ ...options, origin });
      for (let i = 0; i < 2; i++) {
        const response = client.request('/echo', { body: body() as never });
        expect(response.headers.get('x-length')).toBe(length);
        expect(response.bytes().equals(Buffer.from(sent))).toBe(true);
      }
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('asks before it sends a body', async () => {
    const origin = site();
    await spawn(() => {
      using client = new Client({ ...options, origin });
      const body = Buffer.alloc(200_000, 'x');
      expect(client.request('/echo', { body, expectContinue: 60_000 }).bytes().equals(body)).toBe(true);
    });
  });

  it('streams an answer, decompresses it, follows redirects, keeps cookies, gives trailers', async () => {
    const origin = site();
    await spawn(() => {
      const kept: string[] = [];
      const cookies: CookieJar = { getCookieString: () => kept.join('; '), setCookie: (cookie) => void kept.push(cookie) };
      using client = new Client({ ...options, origin, decompress: true, redirects: 3, cookies });
      let sum = 0;
      for (const piece of client.request('/large').body) sum += piece.length;
      expect(sum).toBe(large.length);
      expect(client.request('/gzip').text()).toBe('packed');
      const moved = client.request('/moved');
      expect([moved.redirected, moved.url]).toEqual([true, `${origin}/here`]);
      expect(client.request('/cookies').headers.getAll('set-cookie')).toEqual(['a=1', 'b=2']);
      expect(client.request('/cookies').text()).toBe('a=1; b=2');
      const { body } = client.request('/trailers');
      expect([body.text(), body.trailers]).toEqual(['ab', { 'x-sum': '17' }]);
    });
  });

  it('a body of more than the limit is refused, and its connection goes on', async () => {
    const origin = site();
    await spawn(() => {
      using client = new Client({ ...options, origin, limits: { bodyBytes: 1000 } });
      expect(thrown(() => client.request('/large').bytes()).code).toBe('ERR_HTTP_CLIENT_BODY_TOO_LARGE');
      expect(client.request('/').status).toBe(200);
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('a body whose length is not the one that was announced ends the request, not the connection', async () => {
    const origin = site();
    await spawn(() => {
      using client = new Client({ ...options, origin });
      const given = { body: ['abc'], headers: { 'Content-Length': '5' } };
      expect(thrown(() => client.request('/echo', given)).code).toBe('ERR_HTTP_CLIENT_BODY_LENGTH');
      expect(client.request('/').status).toBe(200);
      expect(client.stats.open).toBe(1);
    });
  });

  it('changes to another protocol go over HTTP/1.1', async () => {
    const origin = site();
    await spawn(() => {
      using client = new Client({ ...options, origin });
      const response = client.request('/', { upgrade: 'websocket' });
      expect([response.status, response.httpVersion]).toEqual([200, '1.1']);
    });
  });
});

describe('the version', () => {
  it('is 1.1 without the option, and with servers that do not choose another', async () => {
    const plain = start(handler, { http2: true });
    await spawn(() => {
      for (const http2 of [undefined, false, true]) {
        using client = new Client({ origin: `http://127.0.0.1:${plain.port}`, ...(http2 === undefined ? {} : { http2 }) });
        expect(client.request('/').httpVersion).toBe('1.1');
      }
    });
  });

  it.skipIf(!haveOpenssl)('over TLS is what the server chooses', async () => {
    const [both, old] = [true, false].map((http2) => start(handler, { tls: ordinary().server, http2 }));
    await spawn(() => {
      const tls = { ca: ordinary().authority.cert };
      for (const [server, http2, version] of [[both, true, '2.0'], [both, false, '1.1'], [old, true, '1.1']] as const) {
        using client = new Client({ origin: `https://localhost:${server!.port}`, http2, tls });
        const all = Array.from({ length: 5 }, () => spawn(() => client.request('/slow').httpVersion));
        expect(new Set(all.map((one) => one.join()))).toEqual(new Set([version]));
        expect(client.stats.open).toBe(version === '2.0' ? 1 : 5);
      }
    });
  });

  it('of a Unix socket may be 2', async () => {
    const path = join(directory, 'socket');
    const server = serve(handler, { path, http2: true });
    await spawn(() => {
      using client = new Client({ http2: { priorKnowledge: true } });
      expect(client.request(`unix:${path}:/x`).httpVersion).toBe('2.0');
    });
    await server.close({ deadline: 0 });
  });

  it.each([
    ['a name', 'yes', 'ERR_INVALID_ARG_VALUE'],
    ['a number', 2, 'ERR_INVALID_ARG_TYPE'],
    ['null', null, 'ERR_INVALID_ARG_TYPE'],
    ['an unknown option', { window: 1 }, 'ERR_UNKNOWN_OPTION'],
    ['a small window', { streamWindow: 1 }, 'ERR_OUT_OF_RANGE'],
    ['a wrong time', { pingAfter: 0 }, 'ERR_OUT_OF_RANGE'],
    ['no boolean', { priorKnowledge: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
  ])('is not %s', (_what, http2, code) => {
    expect(thrown(() => new Client({ http2: http2 as never })).code).toBe(code);
  });
});

describe.each([false, ...(haveOpenssl ? [true] : [])])('a server of node:http2, TLS %s', (secure) => {
  const options: ClientOptions = secure ? { http2: true, tls: { ca: ordinary().authority.cert } } : { http2: 'prior-knowledge' };

  it('is asked and answers', async () => {
    const { url } = await nodeServer((stream, headers) => {
      if (headers[':path'] === '/early') stream.additionalHeaders({ ':status': 103, 'link': '</a>' });
      stream.respond({ ':status': 201, 'x-path': headers[':path'], 'set-cookie': ['a=1', 'b=2'] }, { waitForTrailers: true });
      stream.on('wantTrailers', () => { stream.sendTrailers({ 'x-sum': '3' }); });
      stream.pipe(stream);
    }, secure);
    await spawn(() => {
      using client = new Client({ ...options, origin: url });
      for (const path of ['/x', '/early']) {
        const response = client.request(path, { body: ['a', 'b', 'c'] });
        expect([response.status, response.httpVersion, response.headers.get('x-path')]).toEqual([201, '2.0', path]);
        expect(response.headers.getAll('set-cookie')).toEqual(['a=1', 'b=2']);
        expect(response.text()).toBe('abc');
        expect(response.body.trailers).toEqual({ 'x-sum': '3' });
      }
      const body = Buffer.alloc(1_000_000, 'xyz');
      expect(client.request('/', { body }).bytes().equals(body)).toBe(true);
    });
  });
});

describe.skipIf(!haveNginx || !haveOpenssl)('nginx', () => {
  it('is asked and answers', async () => {
    const url = await nginx({ 'small.txt': 'small', 'large.bin': large });
    await spawn(() => {
      using client = new Client({ origin: url, http2: true, decompress: true, tls: { ca: ordinary().authority.cert } });
      const small = client.request('/small.txt');
      expect([small.status, small.httpVersion, small.headers.get('content-encoding'), small.text()]).toEqual([200, '2.0', 'gzip', 'small']);
      const all = Array.from({ length: 40 }, (_, i) => spawn(() => client.request(i % 4 ? '/small.txt' : '/large.bin').bytes().length));
      expect(all.reduce((sum, one) => sum + one.join(), 0)).toBe(10 * large.length + 30 * 'small'.length);
      expect(client.request('/nothing').status).toBe(404);
    });
  });
});
