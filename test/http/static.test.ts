import { chmodSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { staticFiles } from 'stackful/http';
import { ask, exchange, get, open, parse, readAll, until } from './helpers.js';
import { base, large, put, root, serveRoot } from './site.js';

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
      expect([400, 404]).toContain(answer.status);
      expect(answer.body).not.toMatch(/outside$|secret|hidden/);
    }
    expect(server.errors).toEqual([]);
  });

  it('looks like what is not there', async () => {
    const server = serveRoot();
    const answers = parse(await exchange(server, get('/nothing') + get('/outside-directory') + get('/outside-link') + get('/broken')));
    const withoutDate = answers.map(({ status, reason, headers, body }) => ({ status, reason, headers: { ...headers, date: '' }, body }));
    for (const answer of withoutDate) expect(answer).toEqual(withoutDate[0]);
  });

  it.skipIf(process.getuid!() === 0)('does not differ from a missing one by permissions (skipped for root, which has them all)', async () => {
    put('locked.txt', 'secret');
    mkdirSync(join(base, 'locked'));
    writeFileSync(join(base, 'locked/file'), 'outside');
    writeFileSync(join(base, 'outside-locked.txt'), 'outside');
    symlinkSync(join(base, 'outside-locked.txt'), join(root, 'outside-locked'));
    symlinkSync(join(base, 'locked/file'), join(root, 'outside-locked-file'));
    const locked = [join(root, 'locked.txt'), join(base, 'outside-locked.txt'), join(base, 'locked')];
    for (const path of locked) chmodSync(path, 0);
    const server = serveRoot();
    try {
      const answers = parse(await exchange(server, ['/locked.txt', '/outside-locked', '/outside-locked-file', '/nothing'].map((path) => get(path)).join('')));
      expect(answers.map(({ status }) => status)).toEqual([403, 404, 404, 404]);
    } finally {
      for (const path of locked) chmodSync(path, 0o700);
    }
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

  it('are closed when no request asks for them any more', async () => {
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
