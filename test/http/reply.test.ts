import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';

import { spawn } from 'stackful';
import { HttpError, json, staticFiles, withHeaders, type Handler, type ResponseHeaders, type ResponseLike } from 'stackful/http';
import { start, url } from './helpers.js';

const withThese = (headers: ResponseHeaders) => (next: Handler): Handler => (request) => withHeaders(next(request), headers);
const marked = withThese({ 'X-Mark': 'here' });

describe('withHeaders', () => {
  it.each<[string, () => ResponseLike | PromiseLike<ResponseLike>, number, string, string | null]>([
    ['a string', () => 'text', 200, 'text', 'text/plain; charset=utf-8'],
    ['bytes', () => Buffer.from('bytes'), 200, 'bytes', 'application/octet-stream'],
    ['nothing', () => undefined, 204, '', null],
    ['parts', () => ({ status: 201, body: 'made' }), 201, 'made', 'text/plain; charset=utf-8'],
    ['parts with a type', () => ({ headers: new Map([['content-type', 'text/x']]), body: 'x' }), 200, 'x', 'text/x'],
    ['a list of parts', () => ({ body: ['a', 'b'] }), 200, 'ab', null],
    ['an object', () => ({ a: 1 }), 200, '{"a":1}', 'application/json'],
    ['an object as body', () => ({ status: 202, body: { a: 1 } }), 202, '{"a":1}', 'application/json'],
    ['json', () => json(5), 200, '5', 'application/json'],
    ['a generator', function* () { yield 'a'; yield 'b'; }, 200, 'ab', null],
    ['a promise', () => Promise.resolve('later'), 200, 'later', 'text/plain; charset=utf-8'],
    ['a Response', () => new Response('fetched', { status: 203, headers: { 'X-Own': 'a' } }), 203, 'fetched', 'text/plain;charset=UTF-8'],
  ])('adds to %s', async (_name, given, status, body, type) => {
    const server = start(marked(given as Handler));
    const response = await fetch(url(server));
    expect([response.status, await response.text(), response.headers.get('content-type')]).toEqual([status, body, type]);
    expect(response.headers.get('x-mark')).toBe('here');
    expect(server.errors).toEqual([]);
  });

  it('adds to files, small and large, whole and in part', async () => {
    const directory = mkdtempSync(`${tmpdir()}/stackful-reply-`);
    onTestFinished(() => { rmSync(directory, { recursive: true }); });
    writeFileSync(`${directory}/small.txt`, 'small');
    writeFileSync(`${directory}/large.txt`, 'x'.repeat(300_000));
    const server = start(marked(staticFiles(directory)));
    for (const [path, range, status, length] of [['/small.txt', '', 200, 5], ['/large.txt', '', 200, 300_000], ['/large.txt', 'bytes=1-9', 206, 9], ['/none', '', 404, 14]] as const) {
      const response = await fetch(url(server, path), { headers: range ? { range } : {} });
      expect([path, response.status, (await response.text()).length, response.headers.get('x-mark')]).toEqual([path, status, length, 'here']);
    }
  });

  it('replaces what is there, without regard to case, but adds cookies and Vary', async () => {
    const inner: Handler = () => ({ headers: [['cache-control', 'public'], ['Set-Cookie', 'a=1'], ['Vary', 'Origin']], body: 'x' });
    const server = start(withThese({ 'Cache-Control': 'no-store', 'set-cookie': 'b=2', vary: 'Accept' })(inner));
    const { headers } = await fetch(url(server));
    expect([headers.get('cache-control'), headers.getSetCookie(), headers.get('vary')]).toEqual(['no-store', ['a=1', 'b=2'], 'Origin, Accept']);
  });

  it('ends the source of a body and closes a file when a header is refused', async () => {
    let ended = false;
    const server = start(withThese({ 'X-A': 'a\nb' })(() => ({
      body: (function* () {
        try {
          yield 'a';
        } finally {
          ended = true;
        }
      })(),
    })));
    expect((await fetch(url(server))).status).toBe(500);
    expect(server.errors).toEqual([expect.objectContaining({ code: 'ERR_INVALID_CHAR' })]);
    expect(ended).toBe(true);
  });

  it('refuses what is no response, and other options of json', async () => {
    await spawn(() => {
      expect(() => withHeaders(5 as never, {})).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error);
      expect(() => json(1, { statuss: 4 } as object)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }) as Error);
      expect(() => json(() => 1)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error);
      expect(() => json({ a: 1n })).toThrow(TypeError);
    });
  });
});

describe('HttpError', () => {
  it('has headers, which its response gets, and its type', async () => {
    const server = start(() => { throw new HttpError(503, '{"busy":true}', { headers: { 'Retry-After': 3, 'Content-Type': 'application/json' } }); });
    const response = await fetch(url(server));
    expect([response.status, response.headers.get('retry-after'), response.headers.get('content-type'), await response.text()])
      .toEqual([503, '3', 'application/json', '{"busy":true}\n']);
    expect(server.errors).toEqual([]);
  });

  it('is sent without headers that cannot be, and those are reported', async () => {
    const server = start(() => { throw new HttpError(401, 'who?', { headers: { 'WWW-Authenticate': 'a\nb' } }); });
    const response = await fetch(url(server));
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([401, 'text/plain; charset=utf-8', 'who?\n']);
    expect(server.errors).toEqual([expect.objectContaining({ code: 'ERR_INVALID_CHAR' })]);
  });
});
