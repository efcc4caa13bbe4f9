import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync, renameSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { staticFiles, type StaticOptions } from 'stackful/http';
import { ask, exchange, get, open, parse, readAll, start, until } from './helpers.js';

let base: string;
let root: string;
const large = Buffer.alloc(3_000_000);
/** Longer ago than files must have been left alone to be kept in memory. */
const LONG_AGO = new Date('2024-01-02T03:04:05Z');

function put(path: string, content: string | Buffer, time = LONG_AGO): void {
  writeFileSync(join(root, path), content);
  utimesSync(join(root, path), time, time);
}

beforeAll(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'stackful-')));
  root = join(base, 'root');
  for (const directory of ['', 'sub', 'sub/deep', 'empty', '.hidden', '.well-known', 'with space', 'ünï']) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  for (let i = 0; i < large.length; i += 4) large.writeUInt32LE(i, i);
  put('index.html', '<h1>index</h1>');
  put('404.html', '<h1>not here</h1>');
  put('text.txt', '0123456789');
  put('empty.txt', '');
  put('app.js', 'js');
  put('style.css', 'css');
  put('logo.svg', 'svg');
  put('noextension', 'bytes');
  put('large.bin', large);
  put('sub/index.html', 'sub index');
  put('sub/deep/file.json', '{}');
  put('.secret', 'secret');
  put('.hidden/file', 'hidden');
  put('.well-known/thing', 'known');
  put('with space/ä ö%25.txt', 'odd name');
  put('ünï/index.html', 'unicode');
  writeFileSync(join(base, 'outside.txt'), 'outside');
  mkdirSync(join(base, 'outside'));
  writeFileSync(join(base, 'outside/file'), 'outside');
  // A sibling whose path begins like the root's.
  mkdirSync(join(base, 'root2'));
  writeFileSync(join(base, 'root2/file'), 'outside');
  symlinkSync('text.txt', join(root, 'inside-link'));
  symlinkSync(join(root, 'sub'), join(root, 'inside-directory'));
  symlinkSync('../outside.txt', join(root, 'outside-link'));
  symlinkSync(join(base, 'outside'), join(root, 'outside-directory'));
  symlinkSync(join(base, 'root2'), join(root, 'sibling'));
  symlinkSync('/etc/hostname', join(root, 'absolute-link'));
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync('nowhere', join(root, 'broken'));
  spawnSync('mkfifo', [join(root, 'pipe')]);
  // Changes made a moment ago keep a file out of the cache; most tests are about what is in it.
  await delay(150);
});

afterAll(() => { rmSync(base, { recursive: true }); });

const serveRoot = (options?: StaticOptions) => start(staticFiles(root, options));

describe('static files', () => {
  it.each([
    ['/', 200, 'text/html; charset=utf-8', '<h1>index</h1>'],
    ['/index.html', 200, 'text/html; charset=utf-8', '<h1>index</h1>'],
    ['/text.txt', 200, 'text/plain; charset=utf-8', '0123456789'],
    ['/text.txt?query', 200, 'text/plain; charset=utf-8', '0123456789'],
    ['/empty.txt', 200, 'text/plain; charset=utf-8', ''],
    ['/app.js', 200, 'text/javascript; charset=utf-8', 'js'],
    ['/style.css', 200, 'text/css; charset=utf-8', 'css'],
    ['/logo.svg', 200, 'image/svg+xml', 'svg'],
    ['/noextension', 200, 'application/octet-stream', 'bytes'],
    ['/sub/', 200, 'text/html; charset=utf-8', 'sub index'],
    ['/sub/deep/file.json', 200, 'application/json; charset=utf-8', '{}'],
    ['/sub/./deep/../../text.txt', 200, 'text/plain; charset=utf-8', '0123456789'],
    ['//sub///', 200, 'text/html; charset=utf-8', 'sub index'],
    ['/with%20space/%C3%A4%20%C3%B6%2525.txt', 200, 'text/plain; charset=utf-8', 'odd name'],
    ['/.well-known/thing', 200, 'application/octet-stream', 'known'],
    ['/inside-link', 200, 'application/octet-stream', '0123456789'],
    ['/inside-directory/', 200, 'text/html; charset=utf-8', 'sub index'],
    ['/nothing', 404, 'text/html; charset=utf-8', '<h1>not here</h1>'],
    ['/text.txt/', 404, 'text/html; charset=utf-8', '<h1>not here</h1>'],
    ['/text.txt/more', 404, 'text/html; charset=utf-8', '<h1>not here</h1>'],
    ['/empty/', 404, 'text/html; charset=utf-8', '<h1>not here</h1>'],
    [`/${'n'.repeat(300)}`, 404, 'text/html; charset=utf-8', '<h1>not here</h1>'],
    ['/loop', 404, 'text/html; charset=utf-8', '<h1>not here</h1>'],
    ['/broken', 404, 'text/html; charset=utf-8', '<h1>not here</h1>'],
    ['/pipe', 404, 'text/html; charset=utf-8', '<h1>not here</h1>'],
  ])('%s is %i %s', async (path, status, type, body) => {
    const server = serveRoot();
    // Twice: from the disk, and from memory.
    for (const answer of parse(await exchange(server, get(path) + get(path)))) {
      expect(answer).toMatchObject({ status, body, headers: { 'content-type': type } });
    }
    expect(server.errors).toEqual([]);
  });

  it('redirect directories to their slash, and nowhere else', async () => {
    const server = serveRoot();
    const location = async (path: string) => {
      const { status, headers } = await ask(server, get(path));
      expect(status).toBe(301);
      return headers['location'];
    };
    expect(await location('/sub')).toBe('/sub/');
    expect(await location('/sub?a=b')).toBe('/sub/?a=b');
    expect(await location('//sub')).toBe('/sub/');
    expect(await location('/%C3%BCn%C3%AF')).toBe('/%C3%BCn%C3%AF/');
    expect(await location('/with%20space')).toBe('/with%20space/');
  });

  it('answer HEAD without a body', async () => {
    const server = serveRoot();
    for (const [path, length] of [['/text.txt', '10'], ['/large.bin', '3000000'], ['/nothing', '17']] as const) {
      const text = await exchange(server, get(path).replace('GET', 'HEAD') + get('/app.js'));
      const [head, next] = parse(text, [0]);
      expect(head).toMatchObject({ body: '', headers: { 'content-length': length } });
      expect(next!.body).toBe('js');
    }
  });

  it('answer other methods with 405, unknown ones with 501', async () => {
    const server = serveRoot();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
      expect(await ask(server, get().replace('GET', method))).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    }
    for (const method of ['PURGE', 'get']) {
      expect((await ask(server, get().replace('GET', method))).status).toBe(501);
    }
    expect((await ask(server, get('*').replace('GET', 'OPTIONS'))).status).toBe(405);
    expect((await ask(server, get('*'))).status).toBe(400);
  });

  it('take their options', async () => {
    const server = serveRoot({ index: false, notFound: false, dotfiles: true, cacheControl: 'no-store', headers: { 'X-A': 'b' } });
    expect(await ask(server, get('/'))).toMatchObject({ status: 404, body: '404 Not Found\n' });
    expect(await ask(server, get('/.secret'))).toMatchObject({
      status: 200,
      headers: { 'cache-control': 'no-store', 'x-a': 'b' },
    });
    expect(() => staticFiles(root, { headers: { 'X-A': '\n' } })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_CHAR' }) as Error);
    expect(() => staticFiles(join(root, 'none'))).toThrow(expect.objectContaining({ code: 'ENOENT' }) as Error);
    expect(() => staticFiles(join(root, 'text.txt'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }) as Error);
    expect(() => staticFiles(7 as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as Error);
  });
});

describe('what is outside the directory', () => {
  it.each([
    '/../outside.txt', '/sub/../../outside.txt', '/%2e%2e/outside.txt', '/%2E%2E%2Foutside.txt', '/..%2foutside.txt',
    '/..\\outside.txt', '/..%5coutside.txt', '/sub/..%5c..%5coutside.txt', '/text.txt%00.html', '/%00', '/.%2e/outside.txt',
    '/%252e%252e/outside.txt', '/....//outside.txt', '/outside-link', '/outside-directory', '/outside-directory/',
    '/outside-directory/file', '/sibling/file', '/absolute-link', '/.secret', '/.hidden/file', '/sub/../.secret', '/%2esecret',
  ])('%s is not served', async (path) => {
    const server = serveRoot();
    for (const answer of parse(await exchange(server, get(path) + get(path)))) {
      // Of a directory outside the redirect tells no more than that a link is there.
      expect(path === '/outside-directory' ? [301] : [400, 404]).toContain(answer.status);
      expect(answer.body).not.toMatch(/outside$|secret|hidden/);
    }
    expect(server.errors).toEqual([]);
  });

  it('is not served when a file becomes a link to it', async () => {
    put('swapped.txt', 'inside');
    await delay(150);
    const server = serveRoot();
    expect((await ask(server, get('/swapped.txt'))).body).toBe('inside');
    expect((await ask(server, get('/swapped.txt'))).body).toBe('inside');
    symlinkSync('../outside.txt', join(root, 'swapping'));
    renameSync(join(root, 'swapping'), join(root, 'swapped.txt'));
    expect((await ask(server, get('/swapped.txt'))).status).toBe(404);
  });
});

describe('conditional requests', () => {
  it('get a 304 while nothing has changed', async () => {
    const server = serveRoot();
    for (const path of ['/text.txt', '/large.bin']) {
      const { etag, 'last-modified': modified } = (await ask(server, get(path))).headers;
      expect(modified).toBe('Tue, 02 Jan 2024 03:04:05 GMT');
      const status = async (...lines: string[]) => (await ask(server, get(path, ...lines))).status;
      expect(await status(`If-None-Match: ${etag!}`)).toBe(304);
      expect(await status(`If-None-Match: "other", ${etag!}`)).toBe(304);
      expect(await status('If-None-Match: *')).toBe(304);
      expect(await status('If-None-Match: "other"')).toBe(200);
      expect(await status(`If-Modified-Since: ${modified!}`)).toBe(304);
      expect(await status('If-Modified-Since: Tue, 02 Jan 2024 03:04:04 GMT')).toBe(200);
      expect(await status(`If-Modified-Since: ${modified!}`, 'If-None-Match: "other"')).toBe(200);
      expect(await status(`If-None-Match: ${etag!}`, 'Cache-Control: no-cache')).toBe(200);
    }
  });

  it('have neither body nor type in the 304', async () => {
    const server = serveRoot();
    const { etag } = (await ask(server, get('/text.txt'))).headers;
    const answers = parse(await exchange(server, get('/text.txt', `If-None-Match: ${etag!}`) + get('/app.js')));
    expect(answers[0]).toMatchObject({ status: 304, headers: { etag, 'cache-control': 'public, max-age=0' } });
    expect(answers[0]!.headers['content-type']).toBeUndefined();
    expect(answers[1]!.body).toBe('js');
  });
});

describe('ranges', () => {
  it.each([
    ['bytes=0-3', 206, 'bytes 0-3/10', '0123'],
    ['bytes=7-', 206, 'bytes 7-9/10', '789'],
    ['bytes=-2', 206, 'bytes 8-9/10', '89'],
    ['bytes=-20', 206, 'bytes 0-9/10', '0123456789'],
    ['bytes=5-100', 206, 'bytes 5-9/10', '56789'],
    ['bytes=10-', 416, 'bytes */10', undefined],
    ['bytes=-0', 416, 'bytes */10', undefined],
    ['bytes=3-1', 200, undefined, '0123456789'],
    ['bytes=0-1,3-4', 200, undefined, '0123456789'],
    ['bytes=-', 200, undefined, '0123456789'],
    ['lines=1-2', 200, undefined, '0123456789'],
  ])('%s is %i', async (range, status, contentRange, body) => {
    const server = serveRoot();
    const answer = await ask(server, get('/text.txt', `Range: ${range}`));
    expect(answer.status).toBe(status);
    expect(answer.headers['content-range']).toBe(contentRange);
    if (body !== undefined) expect(answer.body).toBe(body);
  });

  it('of a large file', async () => {
    const server = serveRoot();
    const answer = await ask(server, get('/large.bin', 'Range: bytes=1000001-2500000'));
    expect(answer.status).toBe(206);
    expect(Buffer.from(answer.body, 'latin1').equals(large.subarray(1_000_001, 2_500_001))).toBe(true);
  });

  it('depend on If-Range', async () => {
    const server = serveRoot();
    const status = async (ifRange: string) =>
      (await ask(server, get('/text.txt', 'Range: bytes=0-1', `If-Range: ${ifRange}`))).status;
    expect(await status('Tue, 02 Jan 2024 03:04:05 GMT')).toBe(206);
    expect(await status('Tue, 02 Jan 2024 03:04:06 GMT')).toBe(200);
    expect(await status((await ask(server, get('/text.txt'))).headers['etag']!)).toBe(200); // weak
  });
});

describe('files that change', () => {
  it('are served as they are', async () => {
    const server = serveRoot();
    const body = async (path: string) => (await ask(server, get(path))).body;
    for (let i = 0; i < 20; i++) {
      // Same size, and even the same time; now and then old enough to have been kept in memory.
      put('changing.txt', `version ${String(i).padStart(2, '0')}`);
      if (i % 5 === 0) await delay(120);
      for (let k = 0; k < 3; k++) expect(await body('/changing.txt')).toBe(`version ${String(i).padStart(2, '0')}`);
    }
    rmSync(join(root, 'changing.txt'));
    expect((await ask(server, get('/changing.txt'))).status).toBe(404);
  });

  it('may be a little late when asked to', async () => {
    put('late.txt', 'first');
    await delay(150);
    const server = serveRoot({ cache: { revalidateMs: 1e9 } });
    expect((await ask(server, get('/late.txt'))).body).toBe('first');
    put('late.txt', 'second');
    expect((await ask(server, get('/late.txt'))).body).toBe('first');
  });

  it('by becoming shorter while they are sent end the connection', async () => {
    const size = 30_000_000;
    put('shrinking.bin', Buffer.alloc(size));
    const server = serveRoot();
    const socket = await open(server);
    socket.pause();
    socket.write(get('/shrinking.bin') + get('/text.txt'));
    await until(() => server.stats.bytesSent > 0);
    writeFileSync(join(root, 'shrinking.bin'), 'short');
    expect((await readAll(socket)).length).toBeLessThan(size);
    await until(() => server.stats.connections === 0);
    rmSync(join(root, 'shrinking.bin'));
  });
});

describe('large files and the cache', () => {
  it('come out whole, to many at a time', async () => {
    const server = serveRoot();
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(server, get('/large.bin'))));
    for (const { body } of answers) expect(Buffer.from(body, 'latin1').equals(large)).toBe(true);
  });

  /** How many descriptors there are for files below. */
  const openIn = (directory: string) =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory);
      } catch {
        return false;
      }
    }).length;

  it('leave no descriptor open when clients leave', async () => {
    const before = openIn(root);
    const server = serveRoot({ cache: { bytes: 0 } });
    await ask(server, get('/large.bin'));
    for (let i = 0; i < 20; i++) {
      const socket = await open(server);
      socket.write(get('/large.bin'));
      await new Promise((resolve) => socket.once('data', resolve));
      socket.resetAndDestroy();
    }
    await until(() => server.stats.connections === 0);
    expect(openIn(root)).toBe(before);
  });

  it('stay open, the last that were asked for, and only as they are', async () => {
    const directory = join(root, 'many');
    mkdirSync(directory);
    for (let i = 0; i < 80; i++) put(`many/${i}.bin`, `content ${i}`);
    await delay(150);
    const server = serveRoot({ cache: { fileBytes: 0 } });
    const bodyOf = async (i: number) => (await ask(server, get(`/many/${i}.bin`))).body;
    for (let i = 0; i < 80; i++) expect(await bodyOf(i)).toBe(`content ${i}`);
    expect(openIn(directory)).toBe(64);
    for (let i = 60; i < 80; i++) {
      // Another file of the same name, the same file changed, none.
      rmSync(join(directory, `${i}.bin`), { force: i % 3 !== 1 });
      if (i % 3 !== 2) put(`many/${i}.bin`, `changed ${i}`);
    }
    for (let i = 79; i >= 50; i--) {
      const answer = await ask(server, get(`/many/${i}.bin`));
      if (i >= 60 && i % 3 === 2) expect(answer.status).toBe(404);
      else expect(answer.body).toBe(`${i >= 60 ? 'changed' : 'content'} ${i}`);
    }
    rmSync(directory, { recursive: true });
  });

  it('are closed when nobody asks for them any more', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const before = openIn(root);
      const server = serveRoot();
      const bodies = await Promise.all([1, 2].map(async () => (await ask(server, get('/large.bin'))).body.length));
      expect(bodies).toEqual([large.length, large.length]);
      expect(openIn(root)).toBe(before + 1);
      vi.advanceTimersByTime(60_000);
      await ask(server, get('/large.bin'));
      vi.advanceTimersByTime(60_000);
      expect(openIn(root)).toBe(before + 1);
      vi.advanceTimersByTime(60_000);
      expect(openIn(root)).toBe(before);
      expect(vi.getTimerCount()).toBe(0);
      expect((await ask(server, get('/large.bin'))).body).toHaveLength(large.length);
    } finally {
      vi.useRealTimers();
    }
  });

  it('work with a cache that holds next to nothing, or nothing', async () => {
    for (const bytes of [0, 2500]) {
      const server = serveRoot({ cache: { bytes } });
      for (let i = 0; i < 3; i++) {
        for (const [path, body] of [['/text.txt', '0123456789'], ['/app.js', 'js'], ['/style.css', 'css']] as const) {
          expect((await ask(server, get(path))).body).toBe(body);
        }
      }
    }
    const server = serveRoot({ cache: { fileBytes: 0 } });
    expect((await ask(server, get('/text.txt'))).body).toBe('0123456789');
    expect((await ask(server, get('/empty.txt'))).body).toBe('');
  });
});
