import { randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';

import { sleep } from 'stackful';
import { compress, type CompressOptions, type Handler, type ResponseLike, type Server } from 'stackful/http';
import { start } from './helpers.js';

const zstdDecompressSync = (zlib as { zstdDecompressSync?: (data: Buffer) => Buffer }).zstdDecompressSync;
const DECODERS: Record<string, ((data: Buffer) => Buffer) | undefined> = {
  gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync, zstd: zstdDecompressSync,
};
const TEXT = 'a line of text that comes again and again\n'.repeat(100);
const LONG = TEXT.repeat(40);

interface Answer { status: number; headers: IncomingHttpHeaders; raw: Buffer; text: string }

async function ask(server: Server, accept: string | undefined, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    httpRequest({ port: server.port, method, headers: accept === undefined ? {} : { 'accept-encoding': accept } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject).on('end', () => {
        const raw = Buffer.concat(chunks);
        const encoding = response.headers['content-encoding'];
        const decode = raw.length > 0 ? DECODERS[encoding ?? ''] : undefined;
        const text = (decode?.(raw) ?? raw).toString();
        resolve({ status: response.statusCode!, headers: response.headers, raw, text });
      });
    }).on('error', reject).end();
  });
}

const compressing = (given: () => ResponseLike, options?: CompressOptions): Server & { errors: unknown[] } => start(compress(given as Handler, options));

describe('compress', () => {
  const lists: [string | undefined, string | undefined][] = [
    ['gzip', 'gzip'], ['br', 'br'], ['gzip, deflate, br', 'br'], ['br;q=0.5, gzip', 'gzip'], ['*', 'br'], ['br;q=0, *', zstdDecompressSync ? 'zstd' : 'gzip'],
    ['GZIP', 'gzip'], ['identity', undefined], ['gzip;q=0', undefined], ['', undefined], [undefined, undefined], ['deflate', undefined],
    ['identity;q=1, gzip;q=0.5', undefined], ['nonsense;;;', undefined], ['zstd', zstdDecompressSync ? 'zstd' : undefined],
  ];
  it.each(lists)('chooses for Accept-Encoding: %s', async (accept, encoding) => {
    const answer = await ask(compressing(() => TEXT), accept);
    expect([answer.headers['content-encoding'], answer.headers.vary, answer.text]).toEqual([encoding, 'Accept-Encoding', TEXT]);
    expect(Number(answer.headers['content-length'])).toBe(answer.raw.length);
    if (encoding !== undefined) expect(answer.raw.length).toBeLessThan(200);
  });

  it.each<[string, () => ResponseLike, string]>([
    ['a string', () => TEXT, TEXT],
    ['a long string', () => LONG, LONG],
    ['bytes of a text', () => ({ headers: { 'Content-Type': 'text/css' }, body: Buffer.from(TEXT) }), TEXT],
    ['an object', () => ({ text: TEXT }), JSON.stringify({ text: TEXT })],
    ['a Response', () => new Response(TEXT, { headers: { 'Content-Type': 'text/html' } }), TEXT],
    ['a Response with its length', () => new Response(TEXT, { headers: { 'Content-Type': 'text/html', 'Content-Length': String(TEXT.length) } }), TEXT],
    ['parts', () => ({ headers: { 'Content-Type': 'text/plain' }, body: ['a', '', LONG, Buffer.from('z')] }), `a${LONG}z`],
    ['asynchronous parts', () => ({ headers: { 'Content-Type': 'text/plain' }, body: (async function* () { yield 'a'; await Promise.resolve(); yield LONG; })() }), `a${LONG}`],
    ['no parts', () => ({ headers: { 'Content-Type': 'text/plain' }, body: [] }), ''],
  ])('compresses %s', async (_name, given, text) => {
    for (const encoding of zstdDecompressSync ? ['gzip', 'br', 'zstd'] : ['gzip', 'br']) {
      const server = compressing(given);
      const answer = await ask(server, encoding);
      expect([answer.headers['content-encoding'], answer.text]).toEqual([encoding, text]);
      expect(server.errors).toEqual([]);
    }
  });

  it.each<[string, () => ResponseLike]>([
    ['few bytes', () => 'few'],
    ['what is not text', () => ({ headers: { 'Content-Type': 'image/png' }, body: randomBytes(5000) })],
    ['what has no type', () => ({ body: [TEXT] })],
    ['what is compressed already', () => ({ headers: { 'Content-Type': 'text/x', 'content-encoding': 'x-own' }, body: 'own'.repeat(1000) })],
    ['what must not be transformed', () => ({ headers: { 'Cache-Control': 'public, no-transform' }, body: TEXT })],
    ['a part of something', () => ({ status: 206, headers: { 'Content-Range': 'bytes 0-1/2' }, body: TEXT })],
    ['nothing', () => undefined],
  ])('leaves %s', async (_name, given) => {
    const plain = start(given as Handler);
    const server = compressing(given);
    const [one, other] = [await ask(plain, 'x'), await ask(server, 'gzip')];
    expect([other.status, other.headers['content-encoding'], other.raw.length]).toEqual([one.status, one.headers['content-encoding'], one.raw.length]);
  });

  it('makes strong tags weak, and adds to Vary', async () => {
    const tagged = (etag: string, vary?: string) => compressing(() => ({ headers: { ETag: etag, ...(vary && { Vary: vary }) }, body: TEXT }));
    expect((await ask(tagged('"a"', 'Origin'), 'gzip')).headers).toMatchObject({ etag: 'W/"a"', vary: 'Origin, Accept-Encoding' });
    expect((await ask(tagged('W/"a"', 'accept-encoding'), 'gzip')).headers).toMatchObject({ etag: 'W/"a"', vary: 'accept-encoding' });
    expect((await ask(tagged('"a"', '*'), 'x')).headers).toMatchObject({ etag: '"a"', vary: '*' });
  });

  it('says the same for HEAD', async () => {
    const server = compressing(() => TEXT);
    const [get, head] = [await ask(server, 'gzip'), await ask(server, 'gzip', 'HEAD')];
    const { date: _, ...headers } = get.headers;
    expect(head.headers).toMatchObject(headers);
    expect(head.raw.length).toBe(0);
  });

  it('lets each part arrive when it was sent', async () => {
    let more = false;
    const server = compressing(() => ({
      headers: { 'Content-Type': 'text/event-stream' },
      body: (function* () {
        yield 'first';
        while (!more) sleep(1);
        yield 'second';
      })(),
    }));
    const response = await fetch(`http://127.0.0.1:${String(server.port)}/`, { headers: { 'accept-encoding': 'gzip' } });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe('first');
    more = true;
    expect((await reader.read()).value).toBe('second');
    expect((await reader.read()).done).toBe(true);
  });

  it('ends the source when the client leaves', async () => {
    let ended = false;
    const server = start(compress(() => ({
      headers: { 'Content-Type': 'text/plain' },
      body: (function* () {
        try {
          for (;;) {
            yield randomBytes(10_000).toString('hex');
            sleep(1);
          }
        } finally {
          ended = true;
        }
      })(),
    })), { limits: { halfClose: 0 } });
    const response = await fetch(`http://127.0.0.1:${String(server.port)}/`);
    await response.body!.cancel();
    await server.close();
    expect([ended, server.errors]).toEqual([true, []]);
  });

  it('has options', async () => {
    const server = compressing(() => 'x'.repeat(50), { encodings: ['gzip'], minBytes: 50, levels: { gzip: 9 } });
    expect((await ask(server, 'br, gzip')).headers['content-encoding']).toBe('gzip');
    expect((await ask(compressing(() => TEXT, { encodings: [] }), 'gzip')).headers['content-encoding']).toBeUndefined();
    const wrong = (code: string) => expect.objectContaining({ code }) as Error;
    const never: Handler = () => undefined;
    expect(() => compress('x' as never)).toThrow(wrong('ERR_INVALID_ARG_TYPE'));
    expect(() => compress(never, { encodings: ['deflate' as never] })).toThrow(wrong('ERR_INVALID_ARG_VALUE'));
    expect(() => compress(never, { levels: { gzip: 10 } })).toThrow(wrong('ERR_OUT_OF_RANGE'));
    expect(() => compress(never, { levels: { lz: 1 } as object })).toThrow(wrong('ERR_UNKNOWN_OPTION'));
    expect(() => compress(never, { level: 1 } as object)).toThrow(wrong('ERR_UNKNOWN_OPTION'));
  });
});
