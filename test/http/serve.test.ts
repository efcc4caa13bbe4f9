import { once } from 'node:events';
import { Agent, createServer, request as httpRequest } from 'node:http';
import { mkdtempSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { sleep, spawn } from 'stackful';
import { HttpError, json, serve, type ResponseLike } from 'stackful/http';
import { ask, exchange, get, open, parse, readAll, start, until, url } from './helpers.js';

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;

describe('serve', () => {
  it('listens when it returns, and knows where', async () => {
    const server = start(() => 'Hello, World!\n');
    expect(server.port).toBeGreaterThan(0);
    expect(server.address).toEqual({ address: '127.0.0.1', family: 'IPv4', port: server.port });
    const response = await fetch(url(server));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(Date.parse(response.headers.get('date')!)).not.toBeNaN();
    expect(await response.text()).toBe('Hello, World!\n');
  });

  it('can be called in a coroutine', async () => {
    const server = await spawn(() => start(() => 'in a coroutine'));
    expect(await (await fetch(url(server))).text()).toBe('in a coroutine');
  });

  it('throws system errors at once, in the words of node:http', async () => {
    const first = start(() => '');
    const again = () => serve(() => '', { port: first.port, host: '127.0.0.1' });
    expect(again).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE', syscall: 'listen', address: '127.0.0.1', port: first.port }) as Error,
    );
    const nodes = createServer().listen(first.port, '127.0.0.1');
    const [error] = (await once(nodes, 'error')) as [Error];
    expect(again).toThrow(error.message);
    expect(() => serve(() => '', { host: '192.0.2.1' })).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL' }) as Error);
    expect(() => serve(() => '', { host: 'no such host' })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_IP_ADDRESS' }) as Error,
    );
  });

  it('checks its arguments', () => {
    const wrong = (handler: unknown, options: unknown, code: string) =>
      expect(() => serve(handler as () => string, options as object)).toThrow(expect.objectContaining({ code }) as Error);
    wrong('hello', {}, 'ERR_INVALID_ARG_TYPE');
    wrong(() => '', { port: '80' }, 'ERR_INVALID_ARG_TYPE');
    wrong(() => '', { port: 65536 }, 'ERR_OUT_OF_RANGE');
    wrong(() => '', { host: 7 }, 'ERR_INVALID_ARG_TYPE');
    wrong(() => '', { limits: { headBytes: 100_000 } }, 'ERR_OUT_OF_RANGE');
    wrong(() => '', { limits: { idleMs: 'long' } }, 'ERR_INVALID_ARG_TYPE');
    wrong(() => '', { limits: 5 }, 'ERR_INVALID_ARG_TYPE');
    wrong(() => '', { maxConnections: 0 }, 'ERR_OUT_OF_RANGE');
    wrong(() => '', { onError: {} }, 'ERR_INVALID_ARG_TYPE');
  });

  it('shares a port with reusePort', async () => {
    const first = start(() => 'shared', { reusePort: true });
    const second = start(() => 'shared', { reusePort: true, port: first.port });
    expect(second.port).toBe(first.port);
    for (let i = 0; i < 8; i++) expect(await (await fetch(url(first))).text()).toBe('shared');
  });

  it('listens on a Unix socket, and removes it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stackful-'));
    try {
      const path = join(directory, 'socket');
      const server = start((request) => `from [${request.remoteAddress}]`, { path });
      expect(server.address).toBe(path);
      expect(server.port).toBe(0);
      expect((await ask(server, get())).body).toBe('from []');
      await server.close();
      expect(existsSync(path)).toBe(false);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('counts', async () => {
    const server = start(() => 'x');
    await exchange(server, get() + get());
    await exchange(server, get());
    await until(() => server.stats.connections === 0);
    const { accepted, requests, bytesReceived, bytesSent } = server.stats;
    expect({ accepted, requests }).toEqual({ accepted: 2, requests: 3 });
    expect(bytesReceived).toBe(3 * get().length);
    expect(bytesSent).toBeGreaterThan(3 * 80);
  });

  it('lets handlers park without keeping others waiting', async () => {
    let free = false;
    const server = start((request) => {
      if (request.path === '/slow') while (!free) sleep(1);
      return request.path;
    });
    const slow = fetch(url(server, '/slow'));
    expect(await (await fetch(url(server, '/quick'))).text()).toBe('/quick');
    free = true;
    expect(await (await slow).text()).toBe('/slow');
  });

  it('keeps to maxConnections', async () => {
    const server = start(() => 'x', { maxConnections: 2 });
    const first = await open(server);
    const second = await open(server);
    const third = await open(server);
    third.write(get());
    await until(() => server.stats.connections === 2);
    const answer = new Promise<string>((resolve) => third.setEncoding('latin1').once('data', resolve));
    first.destroy();
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(server.stats.connections).toBe(2);
    second.destroy();
    third.destroy();
  });
});

function transferred(): Uint8Array {
  const bytes = new Uint8Array(100);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function* parts(...all: (string | Uint8Array)[]): Generator<string | Uint8Array> {
  yield* all;
}

describe('responses', () => {
  const cases: [string, ResponseLike, number, Record<string, string | undefined>, string][] = [
    ['a string', 'grün', 200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': '5' }, 'grün'],
    ['a long string', 'ä€'.repeat(50_000), 200, { 'content-length': '250000' }, 'ä€'.repeat(50_000)],
    ['a string of ASCII beyond a buffer', 'x'.repeat(100_000), 200, { 'content-length': '100000' }, 'x'.repeat(100_000)],
    ['half a surrogate pair', 'a\ud800b', 200, { 'content-length': '5' }, 'a\ufffdb'],
    ['an empty string', '', 200, { 'content-length': '0' }, ''],
    ['bytes', Buffer.from('bytes'), 200, { 'content-type': 'application/octet-stream', 'content-length': '5' }, 'bytes'],
    ['many bytes', Buffer.alloc(300_000, 'b'), 200, { 'content-length': '300000' }, 'b'.repeat(300_000)],
    ['few bytes of their own', new Uint8Array(5).fill(99), 200, { 'content-length': '5' }, 'ccccc'],
    ['shared memory', new Uint8Array(new SharedArrayBuffer(8), 2, 5).fill(100), 200, { 'content-length': '5' }, 'ddddd'],
    ['bytes that were transferred', transferred(), 200, { 'content-length': '0' }, ''],
    ['a view of some bytes', new Uint8Array(Buffer.from('..abc..').subarray(2, 5)), 200, {}, 'abc'],
    ['nothing', undefined, 204, { 'content-length': undefined }, ''],
    ['null', null, 204, {}, ''],
    ['parts', { status: 201, headers: { 'X-A': 'b', 'content-type': 'text/x' }, body: 'made' }, 201, { 'x-a': 'b', 'content-type': 'text/x' }, 'made'],
    ['a status alone', { status: 404 }, 404, { 'content-length': '0' }, ''],
    ['a status without a name', { status: 299, body: 'x' }, 299, {}, 'x'],
    ['an object without names of parts', { name: 'Ada', born: 1815 }, 200, { 'content-type': 'application/json', 'content-length': '26' }, '{"name":"Ada","born":1815}'],
    ['an empty object', {}, 200, { 'content-type': 'application/json' }, '{}'],
    ['a list', [{ id: 1 }, 'b', null], 200, { 'content-type': 'application/json' }, '[{"id":1},"b",null]'],
    ['what has toJSON', new Date(0), 200, { 'content-type': 'application/json' }, '"1970-01-01T00:00:00.000Z"'],
    ['an object as body', { status: 201, body: { id: 7 } }, 201, { 'content-type': 'application/json' }, '{"id":7}'],
    ['an object as body of another type', { headers: { 'Content-Type': 'application/problem+json' }, body: { title: 'x' } }, 200, { 'content-type': 'application/problem+json' }, '{"title":"x"}'],
    ['json of an object with a status', json({ status: 'done' }), 200, { 'content-type': 'application/json' }, '{"status":"done"}'],
    ['json of null with a status and a type', json(null, { status: 404, headers: [['content-type', 'text/json']] }), 404, { 'content-type': 'text/json' }, 'null'],
    ['a generator', parts('a', Buffer.from('b')), 200, { 'transfer-encoding': 'chunked' }, 'ab'],
    ["a stream of Node's", Readable.from(['a', 'b']), 200, { 'transfer-encoding': 'chunked' }, 'ab'],
    ['a stream of the web', new Blob(['ab']).stream(), 200, { 'transfer-encoding': 'chunked' }, 'ab'],
    ['a number in headers', { headers: { 'X-N': 5 } }, 200, { 'x-n': '5' }, ''],
    ['an undefined header', { headers: { 'X-N': undefined } }, 200, { 'x-n': undefined }, ''],
    ['its own right length', { headers: { 'Content-Length': 2 }, body: 'ab' }, 200, { 'content-length': '2' }, 'ab'],
    ['a promise', Promise.resolve('later') as never, 200, {}, 'later'],
    ['a promise of nothing', Promise.resolve() as never, 204, {}, ''],
  ];
  it.each(cases)('%s', async (_name, given, status, headers, body) => {
    const server = start(() => given);
    const response = await fetch(url(server));
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(body);
    for (const [name, value] of Object.entries(headers)) expect(response.headers.get(name)).toBe(value ?? null);
    expect(server.errors).toEqual([]);
  });

  it('repeats a header that is a list', async () => {
    const server = start(() => ({ headers: { 'Set-Cookie': ['a=1', 'b=2'] } }));
    expect((await fetch(url(server))).headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it('formats frozen headers once, and others each time', async () => {
    const frozen = Object.freeze({ 'X-A': 'frozen' });
    const open: Record<string, string> = { 'X-A': '0' };
    let n = 0;
    const server = start((request) => {
      open['X-A'] = String(++n);
      return { headers: request.path === '/frozen' ? frozen : open, body: '' };
    });
    for (let i = 1; i <= 3; i++) {
      expect((await fetch(url(server, '/frozen'))).headers.get('x-a')).toBe('frozen');
      expect((await fetch(url(server))).headers.get('x-a')).toBe(String(2 * i));
    }
  });

  it('sends more header fields than a buffer holds', async () => {
    const headers: Record<string, string> = {};
    for (let i = 0; i < 40; i++) headers[`X-${i}`] = 'v'.repeat(1000);
    const server = start(() => ({ headers, body: 'small' }));
    const answer = await ask(server, get());
    expect(answer.headers['x-39']).toBe(headers['X-39']);
    expect(answer.body).toBe('small');
  });

  const bad: [string, unknown, string][] = [
    ['a line end in a value', { headers: { 'X-A': 'a\r\nSet-Cookie: evil=1' } }, 'ERR_INVALID_CHAR'],
    ['a NUL in a value', { headers: { 'X-A': 'a\0' } }, 'ERR_INVALID_CHAR'],
    ['what becomes a line end in Latin-1', { headers: { 'X-A': 'a\u010d\u010aX: y' } }, 'ERR_INVALID_CHAR'],
    ['a name with a blank', { headers: { 'X A': 'a' } }, 'ERR_INVALID_HTTP_TOKEN'],
    ['a name with a line end', { headers: { 'X\r\nA': 'a' } }, 'ERR_INVALID_HTTP_TOKEN'],
    ['an empty name', { headers: { '': 'a' } }, 'ERR_INVALID_HTTP_TOKEN'],
    ['an object as value', { headers: { 'X-A': {} } }, 'ERR_INVALID_ARG_TYPE'],
    ['Transfer-Encoding', { headers: { 'Transfer-Encoding': 'gzip' } }, 'ERR_HTTP_FORBIDDEN_HEADER'],
    ['a wrong length', { headers: { 'Content-Length': 7 }, body: 'ab' }, 'ERR_HTTP_CONTENT_LENGTH_MISMATCH'],
    ['no length', { headers: { 'Content-Length': '-1' }, body: 'ab' }, 'ERR_INVALID_CHAR'],
    ['a status that is none', { status: 42 }, 'ERR_OUT_OF_RANGE'],
    ['a status 1xx', { status: 101 }, 'ERR_OUT_OF_RANGE'],
    ['a number', 42, 'ERR_INVALID_ARG_TYPE'],
    ['an error', new Error('returned, not thrown'), 'ERR_INVALID_ARG_TYPE'],
    ['a Map', new Map([['a', 1]]), 'ERR_INVALID_ARG_TYPE'],
    ['what JSON has no text for', { toJSON: () => undefined }, 'ERR_INVALID_ARG_TYPE'],
    ['a number as body', { body: 42 }, 'ERR_INVALID_ARG_TYPE'],
    ['a Map as body', { body: new Map([['a', 1]]) }, 'ERR_INVALID_ARG_TYPE'],
    ['a regular expression as body', { body: /a/ }, 'ERR_INVALID_ARG_TYPE'],
    ['a wrong length of JSON', { headers: { 'Content-Length': 9 }, body: { a: 1 } }, 'ERR_HTTP_CONTENT_LENGTH_MISMATCH'],
  ];
  it.each(bad)('refuses %s', async (_name, given, code) => {
    const server = start(() => given as string);
    const answers = parse(await exchange(server, get() + get()));
    expect(answers.map(({ status }) => status)).toEqual([500, 500]);
    expect(answers[0]!.headers['set-cookie']).toBeUndefined();
    expect(server.errors).toHaveLength(2);
    expect(server.errors[0]).toMatchObject({ code });
  });

  it('has no body for HEAD', async () => {
    const server = start((request) => {
      if (request.path === '/stream') return { body: ['a', 'b'] };
      if (request.path === '/length') return { headers: { 'Content-Length': 1234 } };
      return 'twelve bytes';
    });
    const head = (path: string) => get(path).replace('GET', 'HEAD');
    const answers = parse(await exchange(server, head('/') + head('/stream') + head('/length') + get()), [0, 1, 2]);
    expect(answers.map(({ body }) => body)).toEqual(['', '', '', 'twelve bytes']);
    expect(answers[0]!.headers['content-length']).toBe('12');
    expect(answers[1]!.headers['transfer-encoding']).toBe('chunked');
    expect(answers[2]!.headers['content-length']).toBe('1234');
  });

  it('closes after Connection: close from either side', async () => {
    const server = start((request) => ({ headers: request.path === '/bye' ? { Connection: 'close' } : {}, body: 'x' }));
    const [first, second, ...rest] = parse(await exchange(server, get() + get('/bye') + get()));
    expect(first!.headers['connection']).toBeUndefined();
    expect(second!.headers['connection']).toBe('close');
    expect(rest).toEqual([]);
    const socket = await open(server);
    socket.write(get('/', 'Connection: close'));
    expect(parse(await readAll(socket))[0]!.headers['connection']).toBe('close');
  });
});

describe('errors', () => {
  it('of a handler become a 500 and a report, and the connection goes on', async () => {
    const server = start((request) => {
      if (request.path === '/fail') throw new RangeError('on purpose');
      return 'fine';
    });
    const answers = parse(await exchange(server, get('/fail') + get('/fine')));
    expect(answers.map(({ status, body }) => [status, body])).toEqual([[500, '500 Internal Server Error\n'], [200, 'fine']]);
    expect(server.errors).toEqual([new RangeError('on purpose')]);
  });

  it('of class HttpError become their own status, without a report', async () => {
    const server = start(() => {
      throw new HttpError(418, 'short and stout');
    });
    expect(await ask(server, get())).toMatchObject({ status: 418, body: 'short and stout\n' });
    expect(server.errors).toEqual([]);
  });

  it('survive an onError that throws, and what is not an error', async () => {
    const lines: unknown[] = [];
    const print = console.error;
    console.error = (line: unknown) => void lines.push(line);
    try {
      const server = start(
        () => {
          throw null;
        },
        {
          onError: () => {
            throw new Error('from onError');
          },
        },
      );
      expect((await ask(server, get())).status).toBe(500);
    } finally {
      console.error = print;
    }
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/GET \/ failed: Error: from onError/);
    expect(lines[1]).toMatch(/GET \/ failed: null/);
  });

  it('of a promise are the same', async () => {
    const server = start(async () => {
      await Promise.resolve();
      throw new Error('later');
    });
    expect((await ask(server, get())).status).toBe(500);
    expect(server.errors).toEqual([new Error('later')]);
  });
});

describe('clients', () => {
  it('node:http with keep-alive', async () => {
    const server = start((request) => `${request.method} ${request.target} ${request.text()}`);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const send = (path: string, body?: string) =>
      new Promise<string>((resolve, reject) => {
        const request = httpRequest(url(server, path), { agent, method: body === undefined ? 'GET' : 'POST' }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => { resolve(text); });
        });
        request.on('error', reject).end(body);
      });
    for (let i = 0; i < 20; i++) {
      expect(await send(`/${i}`)).toBe(`GET /${i} `);
      expect(await send('/p', `body ${i}`)).toBe(`POST /p body ${i}`);
    }
    expect(server.stats.accepted).toBe(1);
    agent.destroy();
  });

  it.skipIf(!hasCurl)('curl (skipped when it is not installed)', async () => {
    const server = start((request) => (request.hasBody ? { body: [request.text(), '!'] } : request.method));
    const curl = async (...args: string[]) => (await run('curl', ['-sS', ...args, url(server)])).stdout;
    expect(await curl()).toBe('GET');
    expect(await curl('-X', 'PURGE')).toBe('PURGE');
    expect(await curl('--http1.0')).toBe('GET');
    expect(await curl('-d', 'abc')).toBe('abc!');
    expect(await curl('-d', 'abc', '-H', 'Transfer-Encoding: chunked')).toBe('abc!');
    expect(await curl('-d', 'x'.repeat(100), '-H', 'Expect: 100-continue')).toBe(`${'x'.repeat(100)}!`);
    expect(await curl('-I')).toMatch(/^HTTP\/1\.1 200 OK/);
    expect((await run('curl', ['-sS', url(server), url(server), url(server)])).stdout).toBe('GETGETGET');
  });
});
