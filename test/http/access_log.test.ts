import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';

import { sleep } from 'stackful';
import { accessLog, HttpError, staticFiles, type AccessLogOptions, type Handler } from 'stackful/http';
import { exchange, open, start, until, url } from './helpers.js';

type Entry = Record<string, unknown>;

function directory(): string {
  const path = mkdtempSync(`${tmpdir()}/stackful-log-`);
  onTestFinished(() => { rmSync(path, { recursive: true }); });
  return path;
}

function collecting(): { entries: Entry[]; options: AccessLogOptions } {
  const entries: Entry[] = [];
  return { entries, options: { logger: { info: (entry: Entry) => void entries.push(entry) } } };
}

describe('accessLog', () => {
  it.each<[string, Handler, number, number]>([
    ['a string', () => 'grün', 200, 5],
    ['bytes', () => Buffer.from('bytes'), 200, 5],
    ['nothing', () => undefined, 204, 0],
    ['parts', () => ({ status: 201, body: 'made' }), 201, 4],
    ['JSON', () => ({ a: 1 }), 200, 7],
    ['a promise', () => Promise.resolve('later'), 200, 5],
    ['a body in parts', () => ({ body: ['ab', Buffer.from('cd')] }), 200, 4],
    ['an asynchronous body', () => ({ status: 202, body: (async function* () { yield 'a'; await Promise.resolve(); yield 'b'; })() }), 202, 2],
    ['an HttpError', () => { throw new HttpError(404, 'none'); }, 404, 0],
    ['an error', () => { throw new Error('broken'); }, 500, 0],
  ])('tells of %s', async (_name, handler, status, bytes) => {
    const { entries, options } = collecting();
    const server = start(accessLog(options)(handler));
    await (await fetch(url(server, '/a?b=c'), { headers: { 'user-agent': 'tests', referer: 'http://r/' } })).text();
    await until(() => entries.length > 0);
    expect(entries).toEqual([{
      remoteAddress: '127.0.0.1', method: 'GET', target: '/a?b=c', httpVersion: '1.1', referer: 'http://r/', userAgent: 'tests',
      status, bytes, ms: expect.any(Number) as number, aborted: false,
    }]);
  });

  it('tells of files, of HEAD, and of clients that leave', async () => {
    const path = directory();
    writeFileSync(`${path}/small`, 'small');
    writeFileSync(`${path}/large`, 'x'.repeat(300_000));
    const { entries, options } = collecting();
    const server = start(accessLog(options)(staticFiles(path)));
    for (const target of ['/small', '/large', '/none']) await (await fetch(url(server, target))).text();
    await fetch(url(server, '/large'), { method: 'HEAD' });
    expect(entries.map(({ status, bytes }) => [status, bytes])).toEqual([[200, 5], [200, 300_000], [404, 14], [200, 0]]);
  });

  it('tells of clients that leave, before the response and within it', async () => {
    const { entries, options } = collecting();
    const server = start(accessLog(options)((request) => {
      if (request.path === '/before') sleep(1e6);
      return { body: (function* () { yield 'first'; sleep(1e6); yield 'second'; })() };
    }), { limits: { halfClose: 0 } });
    for (const [target, expected] of [['/before', { status: 499, bytes: 0, aborted: true }], ['/within', { status: 200, aborted: true }]] as const) {
      const socket = await open(server);
      socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      if (target === '/within') await new Promise((resolve) => socket.once('data', resolve));
      else await until(() => server.stats.requests === 1);
      const before = entries.length;
      socket.destroy();
      await until(() => entries.length > before);
      expect(entries.at(-1)).toMatchObject(expected);
    }
  });

  it.each<[AccessLogOptions['format'], RegExp]>([
    ['common', /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a\?b HTTP\/1\.1" 200 4\n$/],
    ['combined', /^127\.0\.0\.1 - - \[[^\]]*\] "GET \/a\?b HTTP\/1\.1" 200 4 "-" "a\\x22b\\x5cc"\n$/],
    ['json', /^\{"level":30,"time":"[^"]*Z","remoteAddress":"127\.0\.0\.1","method":"GET","target":"\/a\?b",.*"status":200,"bytes":4,.*"event":"request"\}\n$/],
  ])('writes lines in the format %s', async (format, line) => {
    const file = `${directory()}/logs/access.log`;
    const log = accessLog({ file, ...(format && { format }) });
    const server = start(log(() => 'page'));
    await exchange(server, 'GET /a?b HTTP/1.1\r\nHost: a\r\nUser-Agent: a"b\\c\r\n\r\n');
    // What a thread writes already when it is closed, it goes on to write.
    await until(() => readFileSync(file, 'utf8').endsWith('\n'));
    log.close();
    expect(readFileSync(file, 'utf8')).toMatch(line);
  });

  it('goes on in a new file when the old one was renamed', async () => {
    const path = directory();
    const log = accessLog({ file: `${path}/access.log`, format: 'common' });
    const server = start(log(() => 'page'));
    await (await fetch(url(server, '/first'))).text();
    await until(() => readFileSync(`${path}/access.log`, 'utf8').includes('/first'));
    renameSync(`${path}/access.log`, `${path}/access.log.1`);
    log.reopen();
    await until(() => existsSync(`${path}/access.log`));
    await (await fetch(url(server, '/second'))).text();
    await until(() => readFileSync(`${path}/access.log`, 'utf8').includes('/second'));
    log.close();
    log.close();
    log.reopen();
    expect([readFileSync(`${path}/access.log.1`, 'utf8').match(/\/\w+ HTTP/g), readFileSync(`${path}/access.log`, 'utf8').match(/\/\w+ HTTP/g)])
      .toEqual([['/first HTTP'], ['/second HTTP']]);
  });

  it('does nothing after its close, nor anew with a descriptor', async () => {
    const file = `${directory()}/access.log`;
    const log = accessLog({ file, format: 'common' });
    log.close(); // before the file is open
    log.close();
    log.reopen();
    const server = start(log(() => 'page'));
    expect(await (await fetch(url(server))).text()).toBe('page');
    expect(readFileSync(file, 'utf8')).toBe('');
    const fd = openSync(file, 'a');
    onTestFinished(() => { closeSync(fd); });
    accessLog({ file: fd }).reopen();
  });

  it("writes to a logger of pino's, and refuses wrong options", async () => {
    const lines: string[] = [];
    const server = start(accessLog({ logger: pino({ base: null }, { write: (line: string) => void lines.push(line) }) })(() => 'page'));
    await (await fetch(url(server))).text();
    expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'request', status: 200 });
    const wrong = (code: string) => expect.objectContaining({ code }) as Error;
    expect(() => accessLog({ format: 'xml' as never })).toThrow(wrong('ERR_INVALID_ARG_VALUE'));
    expect(() => accessLog({ file: {} as never })).toThrow(wrong('ERR_INVALID_ARG_TYPE'));
    expect(() => accessLog({ logger: {} as never })).toThrow(wrong('ERR_INVALID_ARG_TYPE'));
    expect(() => accessLog({ path: 'x' } as object)).toThrow(wrong('ERR_UNKNOWN_OPTION'));
  });
});
