import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { sleep } from 'stackful';
import { HttpError, type Request } from 'stackful/http';
import { ask, exchange, get, open, parse, readAll, start, until, url } from './helpers.js';

describe('a body in parts', () => {
  it('comes in chunks', async () => {
    const server = start(() => ({ body: ['Hello', '', Buffer.from(', '), 'wörld'] }));
    const answer = await ask(server, get());
    expect(answer.headers).toMatchObject({ 'transfer-encoding': 'chunked' });
    expect(answer.headers['content-length']).toBeUndefined();
    expect(await (await fetch(url(server))).text()).toBe('Hello, wörld');
  });

  it('comes with a length when that is known', async () => {
    const server = start(() => ({ headers: { 'Content-Length': 6 }, body: ['abc', 'déf'.slice(0, 1), 'é'.slice(0, 1)] }));
    expect(await (await fetch(url(server))).text()).toBe('abcdé');
    expect((await ask(server, get())).headers).toMatchObject({ 'content-length': '6' });
  });

  it('may park between parts, which are sent as they come', async () => {
    let next = false;
    const server = start(() => ({
      body: (function* () {
        yield 'first';
        while (!next) sleep(1);
        yield 'second';
      })(),
    }));
    const reader = (await fetch(url(server))).body!.getReader();
    const read = async () => Buffer.from((await reader.read()).value ?? []).toString();
    expect(await read()).toBe('first');
    next = true;
    expect(await read()).toBe('second');
    expect((await reader.read()).done).toBe(true);
  });

  it('may be empty', async () => {
    const server = start(() => ({ body: [] }));
    expect((await ask(server, get())).body).toBe('');
  });

  it('may be large, in large and small parts', async () => {
    const parts = [1, 4095, 4096, 4097, 100_000, 3].map((size, i) => Buffer.alloc(size, 97 + i));
    parts.push(Buffer.from('é'.repeat(30_000)));
    const server = start((request) => ({
      body: request.path === '/text' ? parts.map((part) => part.toString()) : parts,
    }));
    const whole = Buffer.concat(parts);
    for (const path of ['/bytes', '/text']) {
      const answer = await fetch(url(server, path));
      expect(Buffer.from(await answer.arrayBuffer()).equals(whole)).toBe(true);
    }
  });

  it('leaves the connection ready for the next request', async () => {
    const server = start((request) => ({ body: [request.path] }));
    const answers = parse(await exchange(server, get('/a') + get('/b'), get('/c')));
    expect(answers.map(({ body }) => body)).toEqual(['/a', '/b', '/c']);
  });

  it('may be asynchronous', async () => {
    let closed = false;
    const server = start((request) => {
      if (request.path === '/node') return { body: Readable.from(['a', 'b', 'c']) };
      return {
        body: (async function* () {
          try {
            for (const part of ['x', 'y']) {
              await delay(1);
              yield part;
            }
          } finally {
            closed = true;
          }
        })(),
      };
    });
    expect(await (await fetch(url(server, '/node'))).text()).toBe('abc');
    expect(await (await fetch(url(server))).text()).toBe('xy');
    expect(closed).toBe(true);
  });

  it('is asked by HEAD for its first part, and ended', async () => {
    const seen: string[] = [];
    const server = start(() => ({
      body: (function* () {
        try {
          for (const part of ['x', 'y']) {
            seen.push(part);
            yield part;
          }
        } finally {
          seen.push('end');
        }
      })(),
    }));
    const [answer] = parse(await exchange(server, get().replace('GET', 'HEAD')), [0]);
    expect(answer!.status).toBe(200);
    expect(seen).toEqual(['x', 'end']);
  });
});

function* failing(error: Error): Generator<string> {
  yield '';
  throw error;
}

describe('a body that goes wrong', () => {
  it.each<[string, number, (request: Request) => Iterable<string | Buffer>]>([
    ['by an exception', 500, () => failing(new Error('before'))],
    ['by an HttpError', 503, () => failing(new HttpError(503))],
    ['by a part that is none', 500, () => [1 as never]],
    ['by a first part that is longer than was announced', 500, () => ['1234567890']],
    ['by having no part although a length was announced', 500, () => ['']],
    ['by a request that is too long', 413, (request) => request.chunks(3)],
    ['by a request that is malformed', 400, (request) => request.chunks()],
  ])('%s before its first part becomes an answer', async (_name, status, parts) => {
    const server = start((request) => ({ headers: { 'Content-Length': 5 }, body: parts(request) }));
    const body = status === 400 ? 'no chunk' : '5\r\n12345\r\n0\r\n\r\n';
    const request = `POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
    const [answer] = parse(await exchange(server, request));
    expect(answer!.status).toBe(status);
    expect(server.errors).toHaveLength(status === 500 ? 1 : 0);
    // The answer to HEAD says the same, as far as that can be known from the first part.
    const [head] = parse(await exchange(server, request.replace('POST', 'HEAD')), [0]);
    expect(head!.status).toBe(_name.includes('no part') ? 200 : status);
  });

  it('is sent back to a client that waits to be asked for the request: behind its first part as well', async () => {
    const server = start((request) => ({ body: request.path === '/late' ? late(request) : request }));
    function* late(request: Request) {
      yield 'first ';
      yield* request;
    }
    for (const [path, expected] of [['/', 'body'], ['/late', 'first body']] as const) {
      const socket = await open(server);
      socket.write(`POST ${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
      let text = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
      await until(() => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
      socket.write('body');
      const rest = await readAll(socket);
      const [answer] = parse((text.length > rest.length ? text : rest).replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ''));
      expect(answer!.body).toBe(expected);
    }
  });

  it('does not ask for a request that has been refused as too long', async () => {
    const server = start((request) => {
      expect(() => request.readBody(1)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_BODY_TOO_LARGE' }) as Error);
      return { body: ['no, ', 'thanks'] };
    });
    const text = await exchange(server, 'POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    expect(parse(text)).toEqual([expect.objectContaining({ status: 200, body: 'no, thanks' })]);
  });

  it('by an exception is broken off, visibly', async () => {
    const server = start(() => ({
      body: (function* () {
        yield 'some';
        throw new Error('halfway');
      })(),
    }));
    const text = await exchange(server, get() + get());
    expect(text).toContain('4\r\nsome\r\n');
    expect(() => parse(text)).toThrow('no chunk size');
    expect(server.errors).toEqual([new Error('halfway')]);
  });

  it('by a part of the wrong kind', async () => {
    const server = start(() => ({ body: ['x', 5] as string[] }));
    await exchange(server, get());
    expect(server.errors[0]).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });

  it.each([
    ['too long', ['abc', 'def', 'ghi']],
    ['too short', ['abc']],
  ])('because it is %s for its length', async (_name, body) => {
    const server = start(() => ({ headers: { 'Content-Length': 6 }, body }));
    const text = await exchange(server, get() + get());
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(server.errors[0]).toMatchObject({ code: 'ERR_HTTP_CONTENT_LENGTH_MISMATCH' });
  });
});

describe('readers that are slow', () => {
  const PART = Buffer.alloc(256 * 1024, 'p');
  const PARTS = 400;

  it('hold the handler up, and get everything', async () => {
    let made = 0;
    const server = start(() => ({
      body: (function* () {
        for (; made < PARTS; made++) yield PART;
      })(),
    }));
    const socket = await open(server);
    socket.pause();
    socket.write(get('/', 'Connection: close'));
    await until(() => made > 2);
    let before = -1;
    while (before !== made) {
      before = made;
      await delay(50);
    }
    expect(made).toBeLessThan(PARTS);
    expect(await (await fetch(url(server), { method: 'HEAD' })).text()).toBe('');
    let size = 0;
    socket.on('data', (chunk: Buffer) => (size += chunk.length)).resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(size).toBeGreaterThan(PARTS * PART.length);
    expect(made).toBe(PARTS);
  });

  it('and leave: the iterator is ended, nothing is reported', async () => {
    let ended = false;
    const server = start(() => ({
      body: (function* () {
        try {
          for (;;) yield PART;
        } finally {
          ended = true;
        }
      })(),
    }));
    const socket = await open(server);
    socket.write(get());
    await new Promise((resolve) => socket.once('data', resolve));
    socket.resetAndDestroy();
    await until(() => ended && server.stats.connections === 0);
    expect(server.errors).toEqual([]);
  });

  it('of one large response get all of it', async () => {
    const whole = Buffer.alloc(20_000_000);
    for (let i = 0; i < whole.length; i += 1000) whole.writeUInt32LE(i, i);
    const server = start(() => whole);
    const socket = await open(server);
    socket.write(get('/', 'Connection: close'));
    socket.pause();
    await delay(20);
    const [answer] = parse(await readAll(socket));
    expect(Buffer.from(answer!.body, 'latin1').equals(whole)).toBe(true);
  });

  it('do not see what happens to a buffer that is resized or transferred meanwhile', async () => {
    type Resizable = ArrayBuffer & { resize(length: number): void };
    const Flexible = ArrayBuffer as unknown as new (length: number, options: object) => Resizable;
    const size = 8_000_000;
    let buffer: Resizable | undefined;
    const server = start((request) => {
      if (request.path === '/resize') {
        buffer = new Flexible(size, { maxByteLength: size });
        return new Uint8Array(buffer).fill(97);
      }
      const bytes = new Uint8Array(size).fill(98);
      buffer = bytes.buffer as Resizable;
      return bytes;
    });
    const small = start(() => new Uint8Array(new Flexible(5, { maxByteLength: 10 })).fill(99));
    expect(await (await fetch(url(small))).text()).toBe('ccccc');
    for (const path of ['/resize', '/transfer']) {
      const socket = await open(server);
      socket.pause();
      socket.write(get(path, 'Connection: close'));
      await until(() => buffer !== undefined);
      await delay(10);
      if (path === '/resize') buffer!.resize(0);
      else structuredClone(buffer!, { transfer: [buffer!] });
      buffer = undefined;
      const [answer] = parse(await readAll(socket));
      expect(answer!.body.length).toBe(size);
      expect(/^(a+|b+)$/.test(answer!.body)).toBe(true);
    }
  });
});
