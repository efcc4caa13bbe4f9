import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest';

import { router, staticFiles, type Handler, type ParamsOf } from 'stackful/http';
import { ask, exchange, parse, start, url } from './helpers.js';

const raw = async (handler: Handler, target: string, method = 'GET') =>
  parse(await exchange(start(handler), `${method} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`), method === 'HEAD' ? [0] : [])[0]!;

describe('router', () => {
  const routes = router()
    .get('/', () => 'root')
    .get('/users', () => 'users')
    .get('/users/me', () => 'me')
    .get('/users/:id', (request) => `user ${request.params.id}`)
    .post('/users', (request) => ({ status: 201, body: request.text() }))
    .put('/users/:id', (request) => `put ${request.params.id}`)
    .patch('/users/:id', (request) => `patch ${request.params.id}`)
    .delete('/users/:id', () => undefined)
    .get('/orders/:id(^\\d+$)', (request) => `order ${request.params.id}`)
    .get('/v:major.:minor', (request) => `${request.params.major} and ${request.params.minor}`)
    .get('/posts/:page?', (request) => `page ${request.params.page ?? 'first'}`)
    .get('/files/*', (request) => `file ${request.params['*']}`)
    .on(['PROPFIND', 'report'], '/users', (request) => request.method);

  it.each([
    ['GET', '/', 200, 'root'],
    ['GET', '/users', 200, 'users'],
    ['GET', '/users?id=3', 200, 'users'],
    ['GET', '/users/me', 200, 'me'],
    ['GET', '/users/7', 200, 'user 7'],
    ['GET', '/users/a%20b', 200, 'user a b'],
    ['GET', '/users/%C3%BC', 200, 'user Ã¼'],
    ['GET', '/users/a%2Fb', 200, 'user a/b'],
    ['GET', '/users/a%252Fb', 200, 'user a%2Fb'],
    ['GET', '/users/a%3Fb%23c', 200, 'user a?b#c'],
    ['GET', '/users/a;b', 200, 'user a;b'],
    ['GET', '//users//7', 200, 'user 7'],
    ['GET', '/posts/../users/./7', 200, 'user 7'],
    ['GET', '/orders/12', 200, 'order 12'],
    ['GET', '/orders/x', 404, '404 Not Found\n'],
    ['GET', '/v1.2', 200, '1 and 2'],
    ['GET', '/posts', 200, 'page first'],
    ['GET', '/posts/3', 200, 'page 3'],
    ['GET', '/files/a/b%20c', 200, 'file a/b c'],
    ['GET', '/files/', 200, 'file '],
    ['GET', '/users/', 404, '404 Not Found\n'],
    ['GET', '/Users', 404, '404 Not Found\n'],
    ['GET', `/users/${'x'.repeat(501)}`, 404, '404 Not Found\n'],
    ['GET', '/users/%zz', 400, 'the target has no valid path\n'],
    ['GET', '/posts/../a%2Fb', 404, 'the target has no valid path\n'],
    ['HEAD', '/users/7', 200, ''],
    ['PUT', '/users/7', 200, 'put 7'],
    ['PATCH', '/users/7', 200, 'patch 7'],
    ['DELETE', '/users/7', 204, ''],
    ['PROPFIND', '/users', 200, 'PROPFIND'],
    ['REPORT', '/users', 200, 'REPORT'],
    ['BREW', '/users', 405, '405 Method Not Allowed\n'],
  ])('%s %s', async (method, target, status, body) => {
    const answer = await raw(routes, target, method);
    expect([answer.status, answer.body]).toEqual([status, body]);
  });

  it('reads bodies, and says which methods there are', async () => {
    const server = start(routes);
    const made = await fetch(url(server, '/users'), { method: 'POST', body: 'Ada' });
    expect([made.status, await made.text()]).toEqual([201, 'Ada']);
    for (const method of ['DELETE', 'OPTIONS']) {
      const answer = await fetch(url(server, '/users'), { method });
      expect([answer.status, answer.headers.get('allow')]).toEqual([method === 'OPTIONS' ? 204 : 405, 'GET, HEAD, OPTIONS, POST, PROPFIND, REPORT']);
    }
  });

  it('has options', async () => {
    const lenient = router({ caseSensitive: false, ignoreTrailingSlash: true, maxParamLength: 3, notFound: (request) => `no ${request.path}` })
      .get('/Users/:id', (request) => `user ${request.params.id}`);
    expect((await raw(lenient, '/uSERS/Ab/')).body).toBe('user Ab');
    expect((await raw(lenient, '/users/abcd')).body).toBe('no /users/abcd');
  });

  it('mounts routers and other handlers, which see the rest of the path', async () => {
    const seen = (request: Parameters<Handler>[0]) => [request.base, request.path, request.route, request.params];
    const inner = router().get('/', seen).get('/:file', seen).mount('/deep/:level', router().get('/*', seen));
    const outer = router().mount('/api/:version/', inner).mount('/plain', seen).get('/api/:version/special', () => 'special');
    const at = async (target: string) => JSON.parse((await raw(outer, target)).body) as unknown;
    expect(await at('/api/v1')).toEqual(['/api/v1', '/', '/api/v1/', { version: 'v1' }]);
    expect(await at('/api/v1/')).toEqual(['/api/v1', '/', '/api/v1/', { version: 'v1' }]);
    expect(await at('/api/v%201/a.txt')).toEqual(['/api/v 1', '/a.txt', '/api/v 1/:file', { version: 'v 1', file: 'a.txt' }]);
    expect(await at('/api/v1/deep/3/x/y')).toEqual(['/api/v1/deep/3', '/x/y', '/api/v1/deep/3/*', { version: 'v1', level: '3', '*': 'x/y' }]);
    expect(await at('/plain/a/b?c')).toEqual(['/plain', '/a/b', '/plain/*', {}]);
    expect((await raw(outer, '/api/v1/special')).body).toBe('special');
    expect((await raw(outer, '/api/v1/deep')).status).toBe(200);
    expect((await raw(outer, '/plainer')).status).toBe(404);
    // Its path has no decoded form.
    expect((await raw(outer, '/api/v1/a%2Fb')).status).toBe(404);
  });

  it('mounts folders of files', async () => {
    const directory = mkdtempSync(`${tmpdir()}/stackful-router-`);
    onTestFinished(() => { rmSync(directory, { recursive: true }); });
    mkdirSync(`${directory}/sub`);
    writeFileSync(`${directory}/index.html`, 'index');
    writeFileSync(`${directory}/sub/index.html`, 'sub');
    const outer = router().mount('/assets', staticFiles(directory));
    expect((await raw(outer, '/assets/')).body).toBe('index');
    expect((await raw(outer, '/assets/sub/')).body).toBe('sub');
    expect((await raw(outer, '/assets')).headers.location).toBe('/assets/');
    expect((await raw(outer, '/assets/sub?a=b')).headers.location).toBe('/assets/sub/?a=b');
  });

  it('refuses wrong routes', () => {
    const wrong = (code: string) => expect.objectContaining({ code }) as Error;
    expect(() => router({ caseSensitve: true } as object)).toThrow(wrong('ERR_UNKNOWN_OPTION'));
    expect(() => router({ maxParamLength: 0 })).toThrow(wrong('ERR_OUT_OF_RANGE'));
    expect(() => router().get('users', () => 1 as never)).toThrow(wrong('ERR_INVALID_ARG_VALUE'));
    expect(() => router().get('/a', 'b' as never)).toThrow(wrong('ERR_INVALID_ARG_TYPE'));
    expect(() => router().get('/a/:b?/c', () => 'x')).toThrow(wrong('ERR_INVALID_ARG_VALUE'));
    expect(() => router().on('BREW', '/a', () => 'x')).toThrow(wrong('ERR_INVALID_ARG_VALUE'));
    expect(() => router().get('/a', () => 'x').get('/a', () => 'y')).toThrow(wrong('ERR_HTTP_ROUTE_EXISTS'));
    expect(() => router().mount('/a/*', () => 'x')).toThrow(wrong('ERR_INVALID_ARG_VALUE'));
  });

  it('knows parameters when it is compiled', () => {
    expectTypeOf<ParamsOf<'/users/:id/posts/:post'>>().toEqualTypeOf<{ readonly id: string; readonly post: string }>();
    expectTypeOf<ParamsOf<'/v:major.:minor/*'>>().toEqualTypeOf<{ readonly major: string; readonly minor: string; readonly '*': string }>();
    expectTypeOf<ParamsOf<string>>().toEqualTypeOf<Readonly<Record<string, string>>>();
    // @ts-expect-error -- the path has no such parameter
    router().get('/users/:id', (request) => request.params.name.length);
  });

  it('answers a request that another route has not kept', async () => {
    const server = start(routes);
    expect((await ask(server, 'GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n')).body).toBe('user 1');
  });
});
