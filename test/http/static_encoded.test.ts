import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import { staticFiles, type StaticOptions } from 'stackful/http';
import { exchange, start } from './helpers.js';
import { put, root, serveRoot } from './site.js';

const SCRIPT = 'export const answer = 42; // and so on\n'.repeat(200);

interface Answer { status: number; headers: Headers; body: Buffer }

/** Asks without `fetch`, which would decode. */
async function ask(server: { port: number }, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const lines = Object.entries({ Host: 'a', Connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const text = await exchange(server as never, `GET ${path} HTTP/1.1\r\n${lines}\r\n`);
  const end = text.indexOf('\r\n\r\n');
  const [line, ...fields] = text.slice(0, end).split('\r\n');
  const parsed = new Headers(fields.map((field) => /^([^:]+): (.*)$/.exec(field)!.slice(1) as [string, string]));
  return { status: Number(line!.split(' ')[1]), headers: parsed, body: Buffer.from(text.slice(end + 4), 'latin1') };
}

describe('static files that are compressed', () => {
  const serving = (options: StaticOptions) => {
    put('script.js', SCRIPT);
    put('bundle.js', SCRIPT.repeat(100));
    put('picture.png', SCRIPT);
    return serveRoot(options);
  };

  it('when the client accepts it: small and large ones, from memory the second time', async () => {
    const server = serving({ compress: true });
    for (const [path, content] of [['/script.js', SCRIPT], ['/bundle.js', SCRIPT.repeat(100)]] as const) {
      for (let round = 0; round < 2; round++) {
        const br = await ask(server, path, { 'Accept-Encoding': 'gzip, br' });
        expect([br.status, br.headers.get('content-encoding'), br.headers.get('vary'), br.headers.get('content-type'), br.headers.get('accept-ranges')])
          .toEqual([200, 'br', 'Accept-Encoding', 'text/javascript; charset=utf-8', null]);
        expect(brotliDecompressSync(br.body).toString()).toBe(content);
        const gzip = await ask(server, path, { 'Accept-Encoding': 'gzip' });
        expect(gunzipSync(gzip.body).toString()).toBe(content);
        const plain = await ask(server, path);
        expect([plain.body.toString(), plain.headers.get('content-encoding'), plain.headers.get('vary')]).toEqual([content, null, 'Accept-Encoding']);
        expect(new Set([br, gzip, plain].map(({ headers }) => headers.get('etag'))).size).toBe(3);
      }
    }
    expect(server.errors).toEqual([]);
  });

  it('not those of other types, nor small ones, nor parts of them', async () => {
    const server = serving({ compress: { encodings: ['gzip'] } });
    const accept = { 'Accept-Encoding': 'gzip' };
    expect((await ask(server, '/picture.png', accept)).headers.get('content-encoding')).toBeNull();
    expect((await ask(server, '/picture.png', accept)).headers.get('vary')).toBeNull();
    expect((await ask(server, '/text.txt', accept)).headers.get('content-encoding')).toBeNull();
    const part = await ask(server, '/script.js', { ...accept, Range: 'bytes=0-5' });
    expect([part.status, part.body.toString(), part.headers.get('content-encoding')]).toEqual([206, 'export', null]);
  });

  it('have a tag of their own, which conditions hold against', async () => {
    const server = serving({ compress: true });
    const accept = { 'Accept-Encoding': 'br' };
    const etag = (await ask(server, '/script.js', accept)).headers.get('etag')!;
    expect(etag).toMatch(/-br"$/);
    const again = await ask(server, '/script.js', { ...accept, 'If-None-Match': etag });
    expect([again.status, again.headers.get('etag'), again.headers.get('vary'), again.body.length]).toEqual([304, etag, 'Accept-Encoding', 0]);
    expect((await ask(server, '/script.js', { 'If-None-Match': etag })).status).toBe(200);
  });

  it('are made anew when the file has changed', async () => {
    const server = serving({ compress: true });
    const accept = { 'Accept-Encoding': 'br' };
    await ask(server, '/script.js', accept);
    put('script.js', SCRIPT.replaceAll('42', '43'), new Date('2024-02-03T04:05:06Z'));
    expect(brotliDecompressSync((await ask(server, '/script.js', accept)).body).toString()).toContain('answer = 43');
    put('script.js', SCRIPT);
  });

  it('may lie beside them', async () => {
    put('script.js.br', brotliCompressSync('precompressed with br'));
    put('script.js.gz', gzipSync('precompressed with gzip'));
    const server = serving({ precompressed: true });
    const br = await ask(server, '/script.js', { 'Accept-Encoding': 'gzip, br' });
    expect([brotliDecompressSync(br.body).toString(), br.headers.get('content-encoding'), br.headers.get('content-type'), br.headers.get('vary')])
      .toEqual(['precompressed with br', 'br', 'text/javascript; charset=utf-8', 'Accept-Encoding']);
    expect(gunzipSync((await ask(server, '/script.js', { 'Accept-Encoding': 'gzip' })).body).toString()).toBe('precompressed with gzip');
    expect((await ask(server, '/script.js', { 'Accept-Encoding': 'zstd' })).body.toString()).toBe(SCRIPT);
    expect((await ask(server, '/script.js')).headers.get('vary')).toBe('Accept-Encoding');
    const itself = await ask(server, '/script.js.br');
    expect([itself.headers.get('content-encoding'), itself.headers.get('content-type')]).toEqual([null, 'application/octet-stream']);
    expect((await ask(server, '/bundle.js', { 'Accept-Encoding': 'br' })).headers.get('content-encoding')).toBeNull();
    rmSync(join(root, 'script.js.br'));
    expect(gunzipSync((await ask(server, '/script.js', { 'Accept-Encoding': 'gzip, br;q=0.5' })).body).toString()).toBe('precompressed with gzip');
    rmSync(join(root, 'script.js.gz'));
  });

  it('are given to many clients at once', async () => {
    const server = serving({ compress: true });
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(server, '/bundle.js', { 'Accept-Encoding': 'br' })));
    for (const { headers, body } of answers) {
      expect((headers.get('content-encoding') === 'br' ? brotliDecompressSync(body) : body).length).toBe(SCRIPT.length * 100);
    }
    expect(server.errors).toEqual([]);
  });
});

describe('folders and applications', () => {
  it('lists a folder without an index, and only then', async () => {
    put('empty/<b>&"\'.txt', 'x');
    put('empty/a:b?c#d%.txt', 'y');
    put('empty/.hidden', 'z');
    const server = serveRoot({ listing: true });
    const { status, headers, body } = await ask(server, '/empty/');
    expect([status, headers.get('content-type'), headers.get('content-security-policy')])
      .toEqual([200, 'text/html; charset=utf-8', "default-src 'none'; style-src 'unsafe-inline'"]);
    const page = body.toString();
    const links = [...page.matchAll(/<a href="([^"]*)">/g)].map(([, link]) => link!);
    expect(links).toEqual(['../', "./%3Cb%3E%26%22'.txt", './a%3Ab%3Fc%23d%25.txt']);
    expect(page).toContain('&lt;b&gt;&amp;&quot;&#39;.txt');
    for (const link of links.slice(1)) expect((await ask(server, `/empty/${link.slice(2)}`)).status).toBe(200);
    expect((await ask(server, '/sub/')).body.toString()).toBe('sub index');
    expect((await ask(server, '/none/')).status).toBe(404);
    expect((await ask(server, '/.hidden/')).status).toBe(404);
    expect((await ask(serveRoot(), '/empty/')).status).toBe(404);
    expect((await ask(serveRoot({ listing: true, index: false }), '/sub/')).body.toString()).toContain('deep/');
    for (const name of ['<b>&"\'.txt', 'a:b?c#d%.txt', '.hidden']) rmSync(join(root, 'empty', name));
    expect(server.errors).toEqual([]);
  });

  it('answers the paths of an application with its page', async () => {
    const server = serveRoot({ spa: true });
    const page = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
    const answer = await ask(server, '/users/7', page);
    expect([answer.status, answer.body.toString()]).toEqual([200, '<h1>index</h1>']);
    expect((await ask(server, '/users/7/', page)).status).toBe(200);
    expect((await ask(server, '/missing.js', page)).status).toBe(404);
    expect((await ask(server, '/users/7', { Accept: 'application/json' })).status).toBe(404);
    expect((await ask(server, '/text.txt', page)).body.toString()).toBe('0123456789');
    expect((await ask(serveRoot({ spa: 'sub/index.html' }), '/users', page)).body.toString()).toBe('sub index');
  });

  it('has rules for caches', async () => {
    const server = serveRoot({ cacheControl: (path) => (path.endsWith('.css') ? 'public, max-age=31536000, immutable' : path === '/app.js' ? false : 'no-cache') });
    const rule = async (path: string) => (await ask(server, path)).headers.get('cache-control');
    expect([await rule('/style.css'), await rule('/app.js'), await rule('/')]).toEqual(['public, max-age=31536000, immutable', null, 'no-cache']);
  });

  it('refuses wrong options', () => {
    const wrong = (code: string) => expect.objectContaining({ code }) as Error;
    expect(() => staticFiles(root, { compress: 'gzip' as never })).toThrow(wrong('ERR_INVALID_ARG_TYPE'));
    expect(() => staticFiles(root, { compress: { level: 1 } as object })).toThrow(wrong('ERR_UNKNOWN_OPTION'));
    expect(() => staticFiles(root, { spa: 5 as never })).toThrow(wrong('ERR_INVALID_ARG_TYPE'));
    expect(() => staticFiles(root, { listing: 'yes' as never })).toThrow(wrong('ERR_INVALID_ARG_TYPE'));
    expect(() => start(staticFiles(root, { listings: true } as object))).toThrow(wrong('ERR_UNKNOWN_OPTION'));
  });
});
