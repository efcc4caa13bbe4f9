import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { sleep, spawn, type Coroutine } from 'stackful';
import type { Request } from 'stackful/http';
import { ask, exchange, get, open, parse, post, readAll, start, until, url } from './helpers.js';

const chunked = (...chunks: string[]): string =>
  `POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n${[...chunks, '']
    .map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`)
    .join('')}`;

describe('a body', () => {
  it.each([
    ['with Content-Length', [post('Hello')]],
    ['in pieces', [post('Hello').slice(0, -3), 'l', 'lo']],
    ['in chunks', [chunked('He', 'llo')]],
    ['in chunks and pieces', chunked('Hel', 'lo').split(/(?<=H)/)],
  ])('%s is read whole', async (_name, pieces) => {
    const server = start((request) => `${request.hasBody} ${request.text()}`);
    expect((await ask(server, ...pieces)).body).toBe('true Hello');
  });

  it('of any size comes out as it went in', async () => {
    const server = start((request) => request.readBody(), { limits: { bodyBytes: Infinity } });
    for (const size of [0, 1, 4095, 4096, 20_000, 65_536, 65_537, 1_000_000, 5_000_000]) {
      const body = Buffer.alloc(size);
      for (let i = 0; i < size; i++) body[i] = i * 31 + (i >> 8);
      const response = await fetch(url(server), { method: 'POST', body });
      expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
      const streamed = await fetch(url(server), { method: 'POST', body: new Blob([body]).stream(), duplex: 'half' });
      expect(Buffer.from(await streamed.arrayBuffer()).equals(body)).toBe(true);
    }
  });

  it('that came with its head stays what it was when others follow', async () => {
    const kept: Buffer[] = [];
    const server = start((request) => {
      kept.push(request.readBody());
      return 'ok';
    });
    const bodies = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(i * 200));
    await exchange(server, bodies.map((body) => post(body)).join(''));
    expect(kept.map(String)).toEqual(bodies);
  });

  it('is kept for another look', async () => {
    const server = start((request) => JSON.stringify([request.text(), request.json(), request.readBody().length]));
    expect(JSON.parse((await ask(server, post('{"a":1}'))).body)).toEqual(['{"a":1}', { a: 1 }, 7]);
  });

  it('can be iterated', async () => {
    const server = start((request) => {
      let size = 0;
      let pieces = 0;
      for (const chunk of request) {
        size += chunk.length;
        pieces++;
      }
      return `${size} in ${pieces > 1 ? 'pieces' : 'one'}`;
    });
    const body = 'x'.repeat(300_000);
    expect(await (await fetch(url(server), { method: 'POST', body })).text()).toBe('300000 in pieces');
    expect((await ask(server, get())).body).toBe('0 in one');
  });

  it('can be sent back while it arrives', async () => {
    const server = start((request) => ({ body: request.chunks() }), { limits: { bodyBytes: Infinity } });
    const body = Buffer.alloc(3_000_000, 'echo ');
    const response = await fetch(url(server), { method: 'POST', body });
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
  });

  it('pieces keep what they hold', async () => {
    const server = start((request) => Buffer.concat([...request.chunks()]));
    const pieces = Array.from({ length: 30 }, (_, i) => String(i).repeat(300));
    expect((await ask(server, ...chunked(...pieces).split(/(?=\r\n)/))).body).toBe(pieces.join(''));
  });

  it('that the handler does not read is discarded, and the connection goes on', async () => {
    const server = start((request) => request.method);
    const answers = parse(await exchange(server, post('x'.repeat(10_000)) + chunked('y'.repeat(500)) + get()));
    expect(answers.map(({ body }) => body)).toEqual(['POST', 'POST', 'GET']);
  });

  it('that the handler does not read and that is too long ends the connection', async () => {
    const server = start(() => 'no, thanks');
    const body = 'x'.repeat(1_000_000);
    const [answer, ...rest] = parse(await exchange(server, post(body) + get()));
    expect(answer).toMatchObject({ body: 'no, thanks', headers: { connection: 'close' } });
    expect(rest).toEqual([]);
  });

  it('is asked for with 100 Continue only when it is wanted', async () => {
    const server = start((request) => (request.path === '/want' ? request.text() : 'no'));
    const ask100 = async (path: string) => {
      const socket = await open(server);
      const all = readAll(socket);
      socket.write(`POST ${path} HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`);
      await delay(20);
      socket.end(path === '/want' ? 'body' : '');
      return parse(await all).map(({ status, body }) => [status, body]);
    };
    expect(await ask100('/want')).toEqual([[100, ''], [200, 'body']]);
    expect(await ask100('/dont')).toEqual([[200, 'no']]);
  });
});

describe('limits on bodies', () => {
  it('refuse by Content-Length, without reading', async () => {
    const server = start((request) => request.text(), { limits: { bodyBytes: 10 } });
    expect((await ask(server, post('0123456789'))).status).toBe(200);
    const answer = await ask(server, post('0123456789+'));
    expect(answer).toMatchObject({ status: 413, headers: { connection: 'close' } });
    expect(server.errors).toEqual([]);
  });

  it('refuse chunks beyond', async () => {
    const server = start((request) => request.text(), { limits: { bodyBytes: 10 } });
    expect((await ask(server, chunked('01234', '56789'))).status).toBe(200);
    expect((await ask(server, chunked('01234', '56789', '+'))).status).toBe(413);
  });

  it('can be set for a request', async () => {
    const server = start((request) => String(request.readBody(request.path === '/more' ? Infinity : 5).length), {
      limits: { bodyBytes: 100 },
    });
    expect((await ask(server, post('123456'))).status).toBe(413);
    const long = post('x'.repeat(2000)).replace('POST /', 'POST /more');
    expect((await ask(server, long)).body).toBe('2000');
  });

  it('are caught by handlers that want to', async () => {
    const server = start((request) => {
      try {
        return request.text();
      } catch (error) {
        return { status: 200, body: (error as { code: string }).code };
      }
    }, { limits: { bodyBytes: 3 } });
    expect((await ask(server, post('1234'))).body).toBe('ERR_HTTP_BODY_TOO_LARGE');
  });
});

describe('a body that is wrong', () => {
  it.each([
    ['a size that overflows', 'ffffffffffffffff\r\n'],
    ['a size beyond 64 bits', '10000000000000005\r\nHello\r\n0\r\n\r\n'],
    ['a size with a sign', '+5\r\nHello\r\n0\r\n\r\n'],
    ['a size with 0x', '0x5\r\nHello\r\n0\r\n\r\n'],
    ['a blank behind the size', '5 \r\nHello\r\n0\r\n\r\n'],
    ['a bare line feed behind the size', '5\nHello\r\n0\r\n\r\n'],
    ['a bare line feed in an extension', '5;a=b\nc\r\nHello\r\n0\r\n\r\n'],
    ['more than was announced', '5\r\nHello!\r\n0\r\n\r\n'],
    ['a folded trailer', '0\r\nX: y\r\n z\r\n\r\n'],
  ])('in chunks with %s is a 400', async (_name, chunks) => {
    const server = start((request) => request.text());
    const answer = await ask(server, `POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}${get('/smuggled')}`);
    expect(answer).toMatchObject({ status: 400, headers: { connection: 'close' } });
  });

  it('in its chunks is a 400', async () => {
    const server = start((request) => request.text());
    const answer = await ask(server, 'POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello+\r\n');
    expect(answer).toMatchObject({ status: 400, headers: { connection: 'close' } });
  });

  it('because it is not JSON is a 400', async () => {
    const server = start((request) => request.json() as string);
    expect(await ask(server, post('{"a":'))).toMatchObject({ status: 400, body: 'the body is not JSON\n' });
    expect(server.errors).toEqual([]);
  });

  it('because it ends early throws, and no answer is sent', async () => {
    const codes: unknown[] = [];
    const server = start((request) => {
      try {
        return request.text();
      } catch (error) {
        codes.push((error as { code: string }).code);
        throw error;
      }
    });
    await exchange(server, post('Hello').slice(0, -2));
    const socket = await open(server);
    socket.write(post('Hello').slice(0, -2));
    await delay(20);
    socket.resetAndDestroy();
    await until(() => codes.length === 2);
    expect(codes).toEqual(['ERR_HTTP_BODY_ABORTED', 'ERR_HTTP_BODY_ABORTED']);
    expect(server.errors).toEqual([]);
  });

  it('because it stops arriving is a 408', async () => {
    const server = start((request) => request.text(), { limits: { bodyMs: 50 } });
    const socket = await open(server);
    socket.write(post('Hello').slice(0, -2));
    expect(parse(await readAll(socket))[0]!.status).toBe(408);
  });
});

describe('a body read elsewhere', () => {
  it('by a coroutine that is joined', async () => {
    const server = start((request) => spawn(() => request.text()).join());
    expect((await ask(server, post('joined'))).body).toBe('joined');
  });

  it('by two at once gives the second an error', async () => {
    const server = start((request) => {
      const child = spawn(() => request.text());
      sleep(1);
      try {
        return request.text();
      } catch (error) {
        return `${(error as { code: string }).code}, ${child.join()}`;
      }
    });
    const whole = post('Hello');
    expect((await ask(server, whole.slice(0, -2), whole.slice(-2))).body).toMatch(/^(ERR_HTTP_BODY_IN_USE, )?Hello$/);
  });

  it('when the handler returns: the response waits for the read under way', async () => {
    let child: Coroutine<string> | undefined;
    let returned = false;
    const server = start((request: Request) => {
      child = spawn(() => request.text());
      sleep(1);
      returned = true;
      return 'returned';
    });
    const socket = await open(server);
    const answer = readAll(socket);
    socket.write(post('Hello').slice(0, -2));
    await until(() => returned);
    socket.end('lo');
    expect(parse(await answer)[0]!.body).toBe('returned');
    expect(await child).toBe('Hello');
  });

  it('when the client leaves meanwhile', async () => {
    let child: Coroutine<string> | undefined;
    const server = start((request: Request) => {
      child = spawn(() => request.text());
      sleep(1);
      return 'returned';
    });
    const socket = await open(server);
    socket.write(post('Hello').slice(0, -2));
    await until(() => child !== undefined);
    socket.resetAndDestroy();
    await expect(Promise.resolve(child)).rejects.toMatchObject({ code: 'ERR_HTTP_BODY_ABORTED' });
    await until(() => server.stats.connections === 0);
  });
});
