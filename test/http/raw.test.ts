import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { stats } from 'stackful';
import { ask, exchange, get, open, parse, post, readAll, start, until } from './helpers.js';

describe('requests that cannot be read', () => {
  const head = 'GET / HTTP/1.1\r\nHost: test\r\n';
  it.each<[string, string, number]>([
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: test\n\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', `${head}Host: other\r\n\r\n`, 400],
    ['a folded header', `${head}X: a\r\n b\r\n\r\n`, 400],
    ['a blank before the colon', `${head}X : a\r\n\r\n`, 400],
    ['a NUL in a header', `${head}X: a\0b\r\n\r\n`, 400],
    ['two lengths', `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`, 400],
    ['a length and chunks', `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
    ['two lengths that agree', `${head}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`, 400],
    ['chunks and a length', `${head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`, 400],
    ['a list of lengths', `${head}Content-Length: 5, 5\r\n\r\n`, 400],
    ['a negative length', `${head}Content-Length: -1\r\n\r\n`, 400],
    ['a length with a sign', `${head}Content-Length: +5\r\n\r\n`, 400],
    ['a length in hexadecimal', `${head}Content-Length: 0x5\r\n\r\n`, 400],
    ['an empty length', `${head}Content-Length:\r\n\r\n`, 400],
    ['a length beyond 63 bits', `${head}Content-Length: 9223372036854775808\r\n\r\n`, 400],
    ['chunks twice', `${head}Transfer-Encoding: chunked, chunked\r\n\r\n`, 501],
    ['chunks in HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['a bare carriage return', `${head}X: a\rb\r\n\r\n`, 400],
    ['a bare line feed in a header', `${head}X: a\nY: b\r\n\r\n`, 400],
    ['HTTP/0.9', 'GET /\r\n\r\n', 400],
    ['bytes that are not ASCII in the target', 'GET /\xe9 HTTP/1.1\r\nHost: test\r\n\r\n', 400],
    ['an unknown transfer coding', `${head}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501],
    ['another version', 'GET / HTTP/2.0\r\nHost: test\r\n\r\n', 505],
    ['an unknown expectation', `${head}Expect: coffee\r\n\r\n`, 417],
    ['a long target', `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: test\r\n\r\n`, 414],
    ['a long head', `${head}X: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['many headers', `${head}${'X: a\r\n'.repeat(101)}\r\n`, 431],
  ])('%s', async (_name, text, status) => {
    const server = start(() => 'handled');
    const answer = await ask(server, text);
    expect(answer).toMatchObject({ status, headers: { connection: 'close' } });
    expect(server.stats.requests).toBe(0);
  });

  it('leave earlier ones alone, and end the connection', async () => {
    const server = start((request) => request.path);
    const answers = parse(await exchange(server, `${get('/a') + get('/b')}nonsense\r\n\r\n${get('/c')}`));
    expect(answers.map(({ status, body }) => [status, body.trim()])).toEqual([
      [200, '/a'],
      [200, '/b'],
      [400, '400 Bad Request'],
    ]);
  });

  it('by the limits that were set', async () => {
    const server = start(() => 'x', { limits: { headBytes: 200, headerCount: 3, targetBytes: 20 } });
    expect((await ask(server, get())).status).toBe(200);
    expect((await ask(server, get(`/${'a'.repeat(20)}`))).status).toBe(414);
    expect((await ask(server, get('/', 'A: 1', 'B: 2', 'C: 3'))).status).toBe(431);
    expect((await ask(server, get('/', `A: ${'a'.repeat(200)}`))).status).toBe(431);
  });
});

describe('requests in odd shapes', () => {
  it('byte by byte', async () => {
    const server = start((request) => `${request.path} ${request.headers.get('x')} ${request.text()}`);
    const text = 'POST /p HTTP/1.1\r\nHost: t\r\nX: y\r\nContent-Length: 3\r\n\r\nabc';
    expect((await ask(server, ...text)).body).toBe('/p y abc');
  });

  it('many at once', async () => {
    const server = start((request) => request.path.repeat(50));
    const paths = Array.from({ length: 1000 }, (_, i) => `/${i}`);
    const answers = parse(await exchange(server, paths.map((path) => get(path)).join('')));
    expect(answers.map(({ body }) => body)).toEqual(paths.map((path) => path.repeat(50)));
  });

  it('many at once, with bodies and large responses in between', async () => {
    const large = Buffer.alloc(50_000, 'z');
    const server = start((request) => (request.method === 'POST' ? request.text() : large));
    const text = Array.from({ length: 50 }, (_, i) => get() + post(`body ${i}`)).join('');
    const answers = parse(await exchange(server, text));
    expect(answers).toHaveLength(100);
    for (const [i, { body }] of answers.entries()) {
      expect(body.length === large.length || body).toBe(i % 2 === 0 ? true : `body ${(i - 1) / 2}`);
    }
  });

  it('with empty lines before', async () => {
    const server = start(() => 'x');
    expect((await ask(server, `\r\n${get()}`)).status).toBe(200);
  });

  it('of HTTP/1.0', async () => {
    const server = start((request) => ({ body: request.path === '/stream' ? ['a', 'b'] : request.httpVersion }));
    const old = (path: string, ...lines: string[]) => get(path, ...lines).replace('HTTP/1.1', 'HTTP/1.0');
    expect(await ask(server, old('/') + old('/'))).toMatchObject({ body: '1.0', headers: { connection: 'close' } });
    const kept = parse(await exchange(server, old('/', 'Connection: keep-alive').repeat(2)));
    expect(kept.map(({ headers }) => headers['connection'])).toEqual(['keep-alive', 'keep-alive']);
    const streamed = await ask(server, old('/stream', 'Connection: keep-alive'));
    expect(streamed).toMatchObject({ body: 'ab', headers: { connection: 'close' } });
    expect(streamed.headers['transfer-encoding']).toBeUndefined();
  });
});

describe('clients that behave badly', () => {
  it('leave in the middle of a head', async () => {
    const server = start(() => 'x');
    expect((await ask(server, 'GET / HTTP/1.1\r\nHos')).status).toBe(400);
    expect(await exchange(server, '')).toBe('');
    const socket = await open(server);
    socket.write('GET / HT');
    await until(() => server.stats.bytesReceived > 0);
    socket.resetAndDestroy();
    await until(() => server.stats.connections === 0);
  });

  it('are too slow with a head: 408', async () => {
    const server = start(() => 'x', { limits: { headMs: 50 } });
    const socket = await open(server);
    socket.write('GET / HTTP/1.1\r\nHost');
    expect(parse(await readAll(socket))[0]!.status).toBe(408);
  });

  it('are in no hurry', async () => {
    const server = start((request) => request.path);
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open(server)));
    const answers = sockets.map(readAll);
    for (const piece of ['GET /', 'slow HTT', 'P/1.1\r\nHost: ', 'test\r\n\r', '\n']) {
      for (const socket of sockets) socket.write(piece);
      await delay(5);
    }
    for (const socket of sockets) socket.end();
    for (const answer of answers) expect(parse(await answer)[0]!.body).toBe('/slow');
  });

  it('reset in every state', async () => {
    const server = start((request) => (request.path === '/large' ? Buffer.alloc(5_000_000) : request.text()));
    const texts = ['', 'GE', get(), get('/large'), post('Hello').slice(0, -1), get('/large').repeat(5), get().repeat(100)];
    for (let round = 0; round < 20; round++) {
      const sockets = await Promise.all(texts.map(() => open(server)));
      for (const [i, socket] of sockets.entries()) socket.write(texts[i]!);
      await delay(round % 4);
      for (const socket of sockets) socket.resetAndDestroy();
    }
    await until(() => server.stats.connections === 0);
    expect((await ask(server, get())).status).toBe(200);
    expect(server.errors).toEqual([]);
  });

  it('connect and close 10,000 times, and nothing stays behind', async () => {
    const server = start(() => 'x');
    await ask(server, get());
    await until(() => server.stats.connections === 0);
    const before = { sockets: stats().openSockets, fds: readdirSync('/proc/self/fd').length, live: stats().live };
    const one = (i: number) =>
      new Promise<void>((resolve) => {
        const socket = connect(server.port, '127.0.0.1', () => {
          if (i % 3 === 0) socket.resetAndDestroy();
          else if (i % 3 === 1) socket.end();
          else socket.end(get());
        });
        socket.on('error', () => undefined).on('close', () => { resolve(); }).resume();
      });
    for (let i = 0; i < 10_000; i += 100) await Promise.all(Array.from({ length: 100 }, (_, k) => one(i + k)));
    await until(() => server.stats.connections === 0);
    expect(server.stats.accepted).toBeGreaterThan(10_000 * 0.6); // the kernel drops some that were reset in the backlog
    expect(stats().openSockets).toBe(before.sockets);
    expect(stats().live).toBe(before.live);
    // The descriptors of a worker thread's process are not its own.
    if (isMainThread) expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before.fds + 5);
  });
});
