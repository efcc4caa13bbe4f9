import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import zlib from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { sleep, spawn, timeout } from 'stackful';
import { open } from 'stackful/fs';
import { serve, type ResponseLike, type Request } from 'stackful/http';
import { Client, fetch, request, type CookieJar } from 'stackful/http/client';

import { start, url } from '../helpers.js';
import { ok, rawServer, thrown, until } from './peers.js';

const directory = mkdtempSync(join(tmpdir(), 'stackful-client-'));
afterAll(() => { rmSync(directory, { recursive: true }); });

const echo = (incoming: Request): ResponseLike => ({
  headers: { 'X-Type': incoming.headers.get('content-type') ?? 'none', 'X-Length': incoming.headers.get('content-length') ?? 'none' },
  body: incoming.readBody(100_000_000),
});

describe('bodies of requests', () => {
  const large = Buffer.alloc(3_000_000, 'abc');
  writeFileSync(join(directory, 'large'), large);
  const bodies: [what: string, body: () => unknown, sent: Buffer | string, type: string, length: string][] = [
    ['text', () => 'häh', 'häh', 'text/plain;charset=UTF-8', '4'],
    ['bytes', () => Buffer.from('abc'), 'abc', 'none', '3'],
    ['many bytes', () => large, large, 'none', '3000000'],
    ['another view', () => new Uint16Array([0x6161, 0x6262]), 'aabb', 'none', '4'],
    ['an ArrayBuffer', () => new TextEncoder().encode('abc').buffer, 'abc', 'none', '3'],
    ['URLSearchParams', () => new URLSearchParams({ a: '1 2' }), 'a=1+2', 'application/x-www-form-urlencoded;charset=UTF-8', '5'],
    ['a Blob', () => new Blob(['abc'], { type: 'x/y' }), 'abc', 'x/y', '3'],
    ['pieces', () => ['a', Buffer.from('b'), '', 'c'], 'abc', 'none', 'none'],
    ['a generator that waits', function* () { yield 'a'; sleep(2); yield 'b'; }, 'ab', 'none', 'none'],
    ['an async generator', async function* () { yield await Promise.resolve('a'); yield 'b'; }, 'ab', 'none', 'none'],
    ["a stream of Node's", () => Readable.from(['a', 'b']), 'ab', 'none', 'none'],
    ['a web stream', () => new Blob(['abc']).stream(), 'abc', 'none', 'none'],
    ['a file', () => open(join(directory, 'large')), large, 'none', '3000000'],
    ['nothing', () => '', '', 'text/plain;charset=UTF-8', '0'],
  ];

  it.each(bodies)('%s', async (_what, body, sent, type, length) => {
    const server = start(echo, { limits: { bodyBytes: 100_000_000 } });
    await spawn(() => {
      using client = new Client({ origin: url(server) });
      for (let i = 0; i < 2; i++) {
        const response = client.request('/', { body: body() as never });
        expect(response.bytes().equals(Buffer.from(sent))).toBe(true);
        expect([response.headers.get('x-type'), response.headers.get('x-length')]).toEqual([type, length]);
      }
      // An answer may come before a source has said that its last piece was the last: then the connection is not used again.
      expect(client.stats.open).toBe(client.stats.idle);
      expect(client.stats.open).toBeLessThanOrEqual(1);
    });
  });

  it('FormData', async () => {
    const server = start(async (incoming) => {
      const form = await incoming.toWeb().formData();
      const file = form.get('file "x"') as File;
      return JSON.stringify([form.getAll('a'), file.name, file.type, await file.text()]);
    });
    await spawn(() => {
      const form = new FormData();
      form.append('a', 'one\ntwo');
      form.append('a', 'ü');
      form.append('file "x"', new Blob(['content'], { type: 'text/x' }), 'n"a\nme.txt');
      expect(request(url(server), { body: form }).json()).toEqual([['one\r\ntwo', 'ü'], 'n"a\nme.txt', 'text/x', 'content']);
    });
  });

  it('of a length that is announced are held to it', async () => {
    const server = start(echo);
    await spawn(() => {
      using client = new Client({ origin: url(server) });
      const sent = client.request('/', { body: ['ab', 'c'], headers: { 'Content-Length': 3 } });
      expect([sent.text(), sent.headers.get('x-length')]).toEqual(['abc', '3']);
      for (const pieces of [['ab'], ['ab', 'cd']]) {
        const error = thrown(() => client.request('/', { body: pieces, headers: { 'Content-Length': 3 } }));
        expect(error.code).toBe('ERR_HTTP_CLIENT_BODY_LENGTH');
      }
      expect(client.stats.open).toBe(0);
    });
  });

  it('whose source fails, or is too slow, leave no connection', async () => {
    const server = start(echo);
    await spawn(() => {
      using client = new Client({ origin: url(server) });
      let closed = 0;
      const failing = function* () { yield 'a'; throw new Error('no more'); };
      expect(thrown(() => client.request('/', { body: failing() })).message).toBe('no more');
      const slow = function* () { try { yield 'a'; sleep(60_000); } finally { closed++; } };
      expect(thrown(() => timeout(20, () => client.request('/', { body: slow() }))).code).toBe('ERR_TIMEOUT');
      until(() => closed === 1);
      expect(client.stats.open).toBe(0);
    });
  });

  it('are not sent to their end when the answer comes before', async () => {
    await spawn(() => {
      using server = rawServer((socket) => { socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!'); until(() => false); });
      using client = new Client({ origin: server.url });
      let pieces = 0;
      const endless = function* () { for (;; pieces++) { yield Buffer.alloc(100_000); sleep(0.1); } };
      const response = client.request('/', { body: endless() });
      expect([response.status, response.text()]).toEqual([413, 'no!']);
      expect(client.stats.open).toBe(0);
      const before = pieces;
      sleep(5);
      expect(pieces).toBeLessThanOrEqual(before + 1);
    });
  });

  it('may take longer than headersTimeout, as long as they go on', async () => {
    await spawn(() => {
      using server = rawServer((socket, head) => {
        if (head.includes('/stop')) until(() => false);
        socket.readUntil('0\r\n\r\n');
        socket.write(ok('all'));
      });
      using client = new Client({ origin: server.url, headersTimeout: 400 });
      const slow = function* () { for (let i = 0; i < 10; i++) { yield 'x'; sleep(60); } };
      expect(client.request('/', { body: slow() }).text()).toBe('all');
      for (const body of [Buffer.alloc(50_000_000), slow()]) {
        expect(thrown(() => client.request('/stop', { body })).code).toBe('ERR_HTTP_CLIENT_HEADERS_TIMEOUT');
      }
      expect(client.stats.open).toBe(0);
    });
  });

  it('wait for a word where that is asked for', async () => {
    await spawn(() => {
      using server = rawServer((socket, head) => {
        expect(head).toContain('Expect: 100-continue');
        if (head.includes('/no')) {
          socket.write('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n');
          return;
        }
        if (head.includes('/yes')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        socket.write(ok(String(socket.readExactly(4))));
      });
      using client = new Client({ origin: server.url });
      expect(client.request('/yes', { body: 'body', expectContinue: 60_000 }).text()).toBe('body');
      expect(client.request('/silent', { body: 'body', expectContinue: 5 }).text()).toBe('body');
      expect(client.stats.open).toBe(1);
      expect(client.request('/no', { body: 'body', expectContinue: 60_000 }).status).toBe(417);
      // The server may wait for the body, or not.
      expect(client.stats.open).toBe(0);
    });
  });

  it('go both ways at the same time', async () => {
    await spawn(() => {
      using server = rawServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        for (;;) {
          const size = Number.parseInt(socket.readLine()!, 16);
          const piece = socket.readExactly(size + 2).toString();
          socket.write(`${size.toString(16)}\r\n${piece}`);
          if (size === 0) return;
        }
      });
      using client = new Client({ origin: server.url });
      let echoed = '';
      const questions = function* () {
        for (const question of ['a', 'b', 'c']) {
          yield question;
          until(() => echoed.endsWith(question));
        }
      };
      for (const piece of client.request('/', { body: questions() }).body) echoed += String(piece);
      expect(echoed).toBe('abc');
      expect(client.stats.idle).toBe(1);
    });
  });
});

describe('bodies of answers', () => {
  const text = 'the quick brown fox '.repeat(5000);
  const codings: Record<string, (text: string) => Buffer> = {
    gzip: zlib.gzipSync,
    'x-gzip': zlib.gzipSync,
    deflate: zlib.deflateSync,
    br: zlib.brotliCompressSync,
    'gzip, br': (all) => zlib.brotliCompressSync(zlib.gzipSync(all)),
    ...('zstdCompressSync' in zlib && { zstd: zlib.zstdCompressSync as (text: string) => Buffer }),
  };

  it.each(Object.keys(codings))('are decompressed: %s', async (coding) => {
    const random = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251)).toString('latin1');
    const server = start((incoming) => ({
      headers: { 'Content-Encoding': coding },
      body: codings[coding]!(incoming.path === '/large' ? random : incoming.path === '/small' ? 'x' : text),
    }));
    await spawn(() => {
      using client = new Client({ origin: url(server), decompress: true });
      expect(client.request('/').text()).toBe(text);
      expect(client.request('/small').text()).toBe('x');
      expect(client.request('/large').text()).toBe(random);
      expect(client.request('/', { method: 'HEAD' }).text()).toBe('');
      expect(client.stats.open).toBe(1);
      expect(thrown(() => client.request('/', { limits: { bodyBytes: 50_000 } }).text()).code).toBe('ERR_HTTP_CLIENT_BODY_TOO_LARGE');
      expect(client.request('/', { decompress: false }).bytes().equals(codings[coding]!(text))).toBe(true);
    });
  });

  it('in raw deflate, too; in an unknown coding as they are; malformed or cut off not', async () => {
    const zipped = zlib.gzipSync(text);
    const server = start((incoming) => {
      switch (incoming.path) {
        case '/raw': return { headers: { 'Content-Encoding': 'deflate' }, body: zlib.deflateRawSync(text) };
        case '/odd': return { headers: { 'Content-Encoding': 'odd' }, body: 'as it is' };
        case '/broken': return { headers: { 'Content-Encoding': 'gzip' }, body: 'no gzip' };
        default: return { headers: { 'Content-Encoding': 'gzip' }, body: zipped.subarray(0, -20) };
      }
    });
    await spawn(() => {
      using client = new Client({ origin: url(server), decompress: true });
      expect(client.request('/raw').text()).toBe(text);
      expect(client.request('/odd').text()).toBe('as it is');
      for (const path of ['/broken', '/cut']) expect(thrown(() => client.request(path).text()).code).toBe('ERR_HTTP_CLIENT_DECODING');
      // A loop that is left early ends the decompression.
      for (const _ of client.request('/raw').body) break;
    });
  });

  it('are bounded', async () => {
    const server = start((incoming) => ({ body: incoming.path === '/pieces' ? Array.from({ length: 20 }, () => 'x'.repeat(100)) : 'x'.repeat(2000) }));
    await spawn(() => {
      using client = new Client({ origin: url(server), limits: { bodyBytes: 1000 } });
      for (const path of ['/', '/pieces']) {
        expect(thrown(() => client.request(path).text()).code).toBe('ERR_HTTP_CLIENT_BODY_TOO_LARGE');
      }
      expect(client.request('/', { limits: { bodyBytes: 2000 } }).text()).toHaveLength(2000);
    });
  });

  it('are read once, as text, JSON, bytes or pieces', async () => {
    const server = start(() => '\ufeff{"a":"ü"}');
    await spawn(() => {
      const get = () => request(url(server));
      expect(get().json()).toEqual({ a: 'ü' });
      expect(get().text()).toBe('{"a":"ü"}');
      expect(String(Buffer.concat([...get().body]))).toBe('\ufeff{"a":"ü"}');
      const response = get();
      expect(response.body.bodyUsed).toBe(false);
      response.bytes();
      expect(response.body.bodyUsed).toBe(true);
      for (const read of [() => response.text(), () => response.json(), () => [...response.body]]) {
        expect(thrown(read).code).toBe('ERR_HTTP_CLIENT_BODY_IN_USE');
      }
    });
  });
});

describe('redirects', () => {
  it('are followed by the standard of fetch', async () => {
    const other = start((incoming) => JSON.stringify({ ...incoming.headers.toObject(), method: incoming.method, body: incoming.text() }));
    const server = start((incoming) => {
      const [, status, where] = /^\/(\d+)\/(.*)$/.exec(incoming.target) ?? [];
      if (status === undefined) return JSON.stringify({ ...incoming.headers.toObject(), method: incoming.method, body: incoming.text() });
      return { status: Number(status), headers: { Location: where === 'other' ? url(other) : `/${where!}` }, body: 'moved' };
    });
    await spawn(() => {
      using client = new Client({ origin: url(server), redirects: 5 });
      const headers = { Authorization: 'secret', Cookie: 'a=b', 'X-Own': 'kept' };
      const post = (path: string) => client.request(path, { method: 'POST', body: 'content', headers }).json();
      expect(post('/302/')).toMatchObject({ method: 'GET', body: '', authorization: 'secret', 'x-own': 'kept' });
      expect(post('/302/')).not.toHaveProperty('content-type');
      expect(post('/303/')).toMatchObject({ method: 'GET' });
      expect(post('/307/')).toMatchObject({ method: 'POST', body: 'content' });
      expect(post('/308/302/307/')).toMatchObject({ method: 'GET' });
      expect(client.request('/301/', { method: 'PUT', body: 'x' }).json()).toMatchObject({ method: 'PUT', body: 'x' });
      const elsewhere = post('/307/other');
      expect(elsewhere).toMatchObject({ method: 'POST', 'x-own': 'kept', host: `127.0.0.1:${other.port}` });
      expect(elsewhere).not.toHaveProperty('authorization');
      expect(elsewhere).not.toHaveProperty('cookie');
      expect(thrown(() => client.request('/307/', { body: ['pieces'] })).code).toBe('ERR_HTTP_CLIENT_REDIRECT');
      expect(thrown(() => client.request('/302/302/302/302/302/302/')).code).toBe('ERR_HTTP_CLIENT_REDIRECT');
      expect(client.request('/302/', { redirects: 0 }).status).toBe(302);
      const last = client.request('/302/end?a=b');
      expect([last.redirected, last.url]).toEqual([true, url(server, '/end?a=b')]);
    });
  });

  it('to what is no URL of HTTP are an error', async () => {
    const server = start((incoming) => ({ status: 302, headers: { Location: incoming.query.get('to')! } }));
    await spawn(() => {
      using client = new Client({ origin: url(server), redirects: 5 });
      for (const to of ['ftp://a/', 'file:///etc/passwd', 'http://', 'unix:/run/x:/']) {
        expect(thrown(() => client.request('/', { query: { to } })).code).toBe('ERR_HTTP_CLIENT_REDIRECT');
      }
    });
  });
});

it('cookies are kept in a jar', async () => {
  const server = start((incoming) => ({ headers: { 'Set-Cookie': ['a=1', 'b=2'] }, body: incoming.headers.get('cookie') ?? 'none' }));
  const kept: string[] = [];
  const jar: CookieJar = {
    getCookieString: async () => Promise.resolve(kept.join('; ')),
    setCookie: (cookie) => { if (kept.push(cookie) > 2) throw new Error('refused'); },
  };
  await spawn(() => {
    using client = new Client({ origin: url(server), cookies: jar });
    expect(client.request('/').text()).toBe('none');
    expect(client.request('/').text()).toBe('a=1; b=2');
  });
});

it('repeats requests whose status says so', async () => {
  let count = 0;
  const server = start(() => ({ status: ++count % 3 === 0 ? 200 : 503, headers: { 'Retry-After': '0' }, body: String(count) }));
  await spawn(() => {
    using client = new Client({ origin: url(server), retries: 2 });
    expect(client.request('/').text()).toBe('3');
    expect(client.request('/', { retries: 1 }).status).toBe(503);
    expect(client.request('/', { method: 'POST' }).text()).toBe('6');
  });
});

it('fetch has the shape of fetch', async () => {
  const server = start((incoming) => ({ status: incoming.path === '/' ? 200 : 404, headers: { 'X-A': '1', 'Content-Type': 'x/y' }, body: '[1]' }));
  await spawn(() => {
    const response = fetch(new URL(url(server, '/#part')));
    expect([response.ok, response.status, response.statusText, response.url]).toEqual([true, 200, 'OK', url(server)]);
    expect(response.headers.get('x-a')).toBe('1');
    expect(response.json()).toEqual([1]);
    expect(fetch(url(server, '/no')).ok).toBe(false);
    expect(fetch(url(server)).arrayBuffer()).toEqual(new TextEncoder().encode('[1]').buffer);
    expect(fetch(url(server)).blob().type).toBe('x/y');
    expect(thrown(() => fetch(url(server), { body: 'x' })).code).toBe('ERR_INVALID_ARG_TYPE');
    expect(thrown(() => fetch(url(server), { metod: 'x' } as never)).code).toBe('ERR_UNKNOWN_OPTION');
    const stop = AbortSignal.abort(new Error('stopped'));
    expect(thrown(() => fetch(url(server), { signal: stop })).message).toBe('stopped');
  });
});

it('an upgrade gives the connection', async () => {
  await spawn(() => {
    using server = rawServer((socket, head) => {
      expect(head).toContain('Connection: Upgrade\r\nUpgrade: echo\r\n');
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst ');
      socket.write(socket.readExactly(4));
      return false;
    });
    using client = new Client({ origin: server.url });
    const response = client.request('/', { upgrade: 'echo' });
    using socket = response.socket!;
    expect(client.stats.open).toBe(0);
    socket.write('ping');
    expect(String(socket.readExactly(10))).toBe('first ping');
    expect(socket.read()).toBeNull();
  });
});

it('speaks over Unix sockets', async () => {
  const path = join(directory, 'socket');
  const server = serve((incoming) => `${incoming.headers.get('host')!} ${incoming.target}`, { path });
  await spawn(() => {
    expect(request(`unix:${path}:/a?b`).text()).toBe('localhost /a?b');
    using client = new Client({ origin: `unix:${path}` });
    expect(client.request('/x', { query: { y: 1 } }).text()).toBe('localhost /x?y=1');
  });
  await server.close({ deadline: 0 });
});
