import { describe, expect, it } from 'vitest';
import type { Request } from 'stackful/http';
import { ask, exchange, get, open, parse, readAll, start } from './helpers.js';

/** A handler's answer for a target, as JSON. */
async function seen<T>(target: string, look: (request: Request) => T, ...lines: string[]): Promise<T> {
  const server = start((request) => JSON.stringify(look(request)));
  const { status, body } = await ask(server, get(target, ...lines));
  expect(status).toBe(200);
  return JSON.parse(Buffer.from(body, 'latin1').toString('utf8')) as T;
}

describe('a request', () => {
  it('has method, target, path, query and version', async () => {
    const all = await seen('/a%20b/./c/../d%C3%A4?x=1&y=%26&x=2', (r) => ({
      method: r.method,
      target: r.target,
      path: r.path,
      x: r.query.getAll('x'),
      y: r.query.get('y'),
      version: r.httpVersion,
      hasBody: r.hasBody,
    }));
    expect(all).toEqual({
      method: 'GET',
      target: '/a%20b/./c/../d%C3%A4?x=1&y=%26&x=2',
      path: '/a b/dä',
      x: ['1', '2'],
      y: '&',
      version: '1.1',
      hasBody: false,
    });
  });

  it('may have any method', async () => {
    const server = start((request) => request.method);
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PURGE', 'get', "M-'SEARCH"]) {
      expect((await ask(server, get().replace('GET', method))).body).toBe(method);
    }
  });

  it('is not handed over when it is CONNECT', async () => {
    const server = start(() => 'handled');
    const answer = await ask(server, 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n');
    expect(answer.status).toBe(501);
  });

  it.each([
    ['/%', 400],
    ['/%zz', 400],
    ['/a%00b', 400],
    ['/..', 400],
    ['/a/%2e%2e/%2E%2e/etc/passwd', 400],
    ['/a%2fb', 404],
    ['/a\\b', 400],
    ['/a%5cb', 400],
  ])('with the target %s has no path: %i', async (target, status) => {
    const server = start((request) => request.path);
    expect((await ask(server, get(target))).status).toBe(status);
    expect(server.errors).toEqual([]);
  });

  it('has the path * for OPTIONS *', async () => {
    const server = start((request) => request.path);
    expect((await ask(server, get('*').replace('GET', 'OPTIONS'))).body).toBe('*');
  });

  it('may have a target in absolute form', async () => {
    expect(await seen('http://test/a?b', (r) => [r.path, r.query.has('b'), r.target])).toEqual(['/a', true, 'http://test/a?b']);
  });

  it('keeps a long path', async () => {
    const path = `/${'long%20'.repeat(1000)}`;
    expect(await seen(path, (r) => r.path)).toBe(decodeURIComponent(path));
  });

  it('has its own path, however often others like it came before', async () => {
    // Native keeps the strings of targets that come again: in 512 places, so that 3,000 of them take turns.
    const server = start((request) => request.path);
    const wanted = new Map<string, string>([['/%C3%A4', '/ä'], ['/a/../b?c', '/b'], [`/${'x'.repeat(60)}`, `/${'x'.repeat(60)}`]]);
    for (let i = 0; i < 3000; i++) wanted.set(`/file-${i}%20?q`, `/file-${i} `);
    const targets = [...wanted.keys()];
    for (let round = 0; round < 4; round++) {
      const requests = targets.flatMap((target) => (target.length % 2 ? [target, target] : [target]));
      const answers = parse(await exchange(server, requests.map((target) => get(target)).join('')));
      expect(answers.map(({ body }) => Buffer.from(body, 'latin1').toString())).toEqual(requests.map((target) => wanted.get(target)));
    }
  });

  it('has the address of its peer', async () => {
    const server = start((request) => `${request.remoteAddress} ${request.remotePort}`);
    const socket = await open(server);
    const local = socket.localPort;
    socket.end(get());
    expect(parse(await readAll(socket))[0]!.body).toBe(`127.0.0.1 ${local}`);
  });
});

describe('headers of a request', () => {
  const lines = ['X-One: 1', 'X-Many: a', 'Cookie: a=1', 'x-many: b, c', 'Cookie: b=2', 'X-Empty:', 'X-Latin: gr\xfcn'];

  it('are found by name, in any case', async () => {
    const found = await seen(
      '/',
      ({ headers }) => ({
        one: headers.get('x-one'),
        upper: headers.get('X-ONE'),
        many: headers.get('X-Many'),
        cookie: headers.get('cookie'),
        empty: headers.get('x-empty'),
        latin: headers.get('x-latin'),
        none: headers.get('x-none') ?? 'none',
        wrong: headers.get('x-\u0100') ?? 'none',
        long: headers.get('x'.repeat(1000)) ?? 'none',
        has: [headers.has('X-Empty'), headers.has('X-None')],
      }),
      ...lines,
    );
    expect(found).toEqual({
      one: '1',
      upper: '1',
      many: 'a, b, c',
      cookie: 'a=1; b=2',
      empty: '',
      latin: 'grün',
      none: 'none',
      wrong: 'none',
      long: 'none',
      has: [true, false],
    });
  });

  it('are iterated as sent, and copied to an object', async () => {
    const { list, object, again } = await seen(
      '/',
      ({ headers }) => ({ list: [...headers], object: headers.toObject(), again: headers.get('X-MANY') }),
      ...lines,
    );
    expect(list.map(([name]) => name)).toEqual(['Host', 'X-One', 'X-Many', 'Cookie', 'x-many', 'Cookie', 'X-Empty', 'X-Latin']);
    expect(object).toMatchObject({ host: 'test', 'x-many': 'a, b, c', cookie: 'a=1; b=2', 'x-latin': 'grün' });
    expect(again).toBe('a, b, c');
  });

  it('asks for a name that is a string', async () => {
    const server = start(({ headers }) => headers.get(7 as never));
    expect((await ask(server, get())).status).toBe(500);
    expect(server.errors[0]).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });
});

describe('a request that is over', () => {
  const over = expect.objectContaining({ code: 'ERR_HTTP_REQUEST_OVER' }) as Error;

  it('gives what was looked at, and throws for the rest', async () => {
    const kept: Request[] = [];
    const server = start((request) => {
      kept.push(request);
      if (request.target === '/looked') {
        void request.path;
        void request.query;
        void [...request.headers];
        void request.remoteAddress;
        request.readBody();
      }
      return 'x';
    });
    await exchange(server, get('/looked', 'X-A: b') + get('/not') + get('/last'));
    const [looked, not] = kept as [Request, Request];
    expect([looked.method, looked.target, looked.path, looked.query.size]).toEqual(['GET', '/looked', '/looked', 0]);
    expect(looked.headers.get('x-a')).toBe('b');
    expect(looked.readBody()).toEqual(Buffer.alloc(0));
    expect(looked.remoteAddress).toBe('127.0.0.1');
    expect(not.method).toBe('GET');
    expect(not.httpVersion).toBe('1.1');
    expect(not.target).toBe('/not');
    expect(() => not.path).toThrow(over);
    expect(() => not.headers.get('host')).toThrow(over);
    expect(() => [...not.headers]).toThrow(over);
    expect(() => not.readBody()).toThrow(over);
    expect(() => [...not.chunks()]).toThrow(over);
  });

  it('is not the next one on the same connection', async () => {
    let first: Request | undefined;
    const server = start((request) => {
      if (!first) {
        first = request;
        return 'x';
      }
      expect(() => first!.headers.get('x-secret')).toThrow(over);
      expect(() => first!.target).toThrow(over);
      expect(request.headers.get('x-secret')).toBe('b');
      return 'checked';
    });
    const answers = parse(await exchange(server, get(), get('/', 'X-Secret: b')));
    expect(answers.map(({ body }) => body)).toEqual(['x', 'checked']);
    expect(server.errors).toEqual([]);
  });
});
