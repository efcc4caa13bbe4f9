import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ask, exchange, get, parse } from './helpers.js';
import { large, put, root, serveRoot } from './site.js';

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

  it('get a 412 when the client means another state of the file', async () => {
    const server = serveRoot();
    for (const path of ['/text.txt', '/large.bin']) {
      const { etag, 'last-modified': modified } = (await ask(server, get(path))).headers;
      const status = async (...lines: string[]) => (await ask(server, get(path, ...lines))).status;
      const [EARLIER, LATER] = ['Tue, 02 Jan 2024 03:04:04 GMT', 'Tue, 02 Jan 2024 03:04:06 GMT'];
      expect(etag).toMatch(/^"/);
      expect(await status(`If-Match: ${etag!}`)).toBe(200);
      expect(await status(`If-Match: "a, b", ${etag!}`)).toBe(200);
      expect(await status('If-Match: *')).toBe(200);
      expect(await status('If-Match: "other"')).toBe(412);
      expect(await status(`If-Match: W/${etag!}`)).toBe(412);
      expect(await status(`If-Unmodified-Since: ${modified!}`)).toBe(200);
      expect(await status(`If-Unmodified-Since: ${LATER}`)).toBe(200);
      expect(await status(`If-Unmodified-Since: ${EARLIER}`)).toBe(412);
      expect(await status('If-Unmodified-Since: 2020-01-01')).toBe(200);
      expect(await status(`If-Match: ${etag!}`, `If-Unmodified-Since: ${EARLIER}`)).toBe(200);
      expect(await status('If-Match: "other"', `If-None-Match: ${etag!}`)).toBe(412);
      expect(await status(`If-Match: ${etag!}`, `If-None-Match: ${etag!}`)).toBe(304);
      expect(await status('If-Match: "other"', 'Range: bytes=0-1')).toBe(412);
      expect(await status(`If-Match: ${etag!}`, 'Range: bytes=0-1')).toBe(206);
    }
  });

  it('go by HTTP-dates only, in all their forms', async () => {
    const server = serveRoot();
    const status = async (date: string) => (await ask(server, get('/text.txt', `If-Modified-Since: ${date}`))).status;
    for (const date of ['Tue, 02 Jan 2024 03:04:05 GMT', 'Tuesday, 02-Jan-24 03:04:05 GMT', 'Tue Jan  2 03:04:05 2024', 'Wed, 01 Jan 2070 00:00:00 GMT']) {
      expect([date, await status(date)]).toEqual([date, 304]);
    }
    for (const date of ['2030-01-01', 'Jan 1 2030', '1', 'Tue, 02 Jan 2030 03:04:05', 'Tue, 32 Jan 2030 03:04:05 GMT', 'Wed, 30 Feb 2030 03:04:05 GMT', 'Tue, 02 Jan 2030 25:04:05 GMT', 'Tuesday, 02-Jan-94 03:04:05 GMT']) {
      expect([date, await status(date)]).toEqual([date, 200]);
    }
  });

  it('have a Last-Modified that is not later than the Date', async () => {
    put('future.txt', 'x');
    utimesSync(join(root, 'future.txt'), 4e9, 4e9);
    const { headers } = await ask(serveRoot(), get('/future.txt'));
    expect(Date.parse(headers['last-modified']!)).toBeLessThanOrEqual(Date.parse(headers['date']!));
  });

  it('have another tag after a change that left size and time as they were', async () => {
    const server = serveRoot();
    const tags = new Set<string>();
    for (const content of ['first', 'other']) {
      put('same.txt', content);
      await delay(150);
      tags.add((await ask(server, get('/same.txt'))).headers['etag']!);
    }
    expect(tags.size).toBe(2);
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
    const tag = (await ask(server, get('/text.txt'))).headers['etag']!;
    expect(await status(tag)).toBe(206);
    expect(await status(`W/${tag}`)).toBe(200);
    expect(await status('"other"')).toBe(200);
  });

  it('do not depend on the tag of a file that may be changing', async () => {
    const server = serveRoot();
    let tag = '';
    // On a slow machine the file may have settled before it is asked for.
    for (let i = 0; i < 100 && !tag.startsWith('W/'); i++) {
      put('moving.txt', '0123456789');
      tag = (await ask(server, get('/moving.txt'))).headers['etag']!;
    }
    expect(tag).toMatch(/^W\//);
    expect((await ask(server, get('/moving.txt', 'Range: bytes=0-1', `If-Range: ${tag}`))).status).toBe(200);
  });

  it.each(['bytes=0-', 'bytes=0-5', 'bytes=-5', 'bytes=-0'])('of an empty file are all of it: %s', async (range) => {
    const answer = await ask(serveRoot(), get('/empty.txt', `Range: ${range}`));
    expect(answer).toMatchObject({ status: 200, body: '', headers: { 'content-length': '0' } });
  });
});
