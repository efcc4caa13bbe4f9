// request.upgrade: what is refused, what the server and the handler do at the end.
import { describe, expect, it } from 'vitest';

import { sleep, spawn } from 'stackful';
import { connect, WebSocketError, type UpgradeOptions, type WebSocket } from 'stackful/websocket';

import { exchange, start } from '../http/helpers.js';
import { temporaryDirectory } from '../net/peers.js';
import { haveOpenssl, ordinary } from '../tls/certificates.js';
import { accept, CLOSE, closing, echo, frame, HEAD, RawClient, served, TEXT } from './peers.js';


describe('request.upgrade', () => {
  it('answers as RFC 6455 says, with protocols and headers', async () => {
    const server = served(echo, { protocols: ['two', 'three'], headers: { 'X-More': 'more' } });
    const client = await RawClient.to(server, 'Sec-WebSocket-Protocol: one, two\r\nSec-WebSocket-Protocol: three\r\n');
    const head = client.head();
    // The example of section 1.3.
    expect(accept('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(head).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    for (const line of ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'Sec-WebSocket-Protocol: two', 'X-More: more']) {
      expect(head).toContain(`\r\n${line}\r\n`);
    }
    expect(head).not.toContain('Extensions');
    expect(await client.send(frame(CLOSE)).rest()).toEqual(['close']);
  });

  it('lets a function choose the protocol', async () => {
    const offered: (readonly string[])[] = [];
    const server = served((socket) => { socket.send(socket.protocol); }, { protocols: (all) => (offered.push(all), all[1]) });
    const client = await RawClient.to(server, 'Sec-WebSocket-Protocol: a, b\r\n');
    expect(client.head()).toContain('Sec-WebSocket-Protocol: b\r\n');
    expect(await client.next()).toEqual(['text b']);
    expect(offered).toEqual([['a', 'b']]);
  });

  it.each<[string, string, number]>([
    ['no Upgrade', HEAD.replace('Upgrade: websocket\r\n', ''), 426],
    ['another protocol', HEAD.replace('websocket\r\n', 'h2c\r\n'), 426],
    ['another version', HEAD.replace('13', '8'), 426],
    ['no version', HEAD.replace('Sec-WebSocket-Version: 13\r\n', ''), 426],
    ['no key', HEAD.replace(/Sec-WebSocket-Key.*\r\n/, ''), 400],
    ['a short key', HEAD.replace('dGhl', 'dGh'), 400],
    ['two keys', HEAD.replace(/(Sec-WebSocket-Key.*\r\n)/, '$1$1'), 400],
    ['Connection without Upgrade', HEAD.replace('keep-alive, Upgrade', 'keep-alive'), 400],
    ['POST', HEAD.replace('GET', 'POST'), 400],
    ['HTTP/1.0', HEAD.replace('HTTP/1.1', 'HTTP/1.0'), 400],
  ])('refuses %s', async (_name, head, status) => {
    const server = served(echo);
    const answer = await exchange(server, `${head}\r\n`);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    if (status === 426) expect(answer).toMatch(/\r\nUpgrade: websocket\r\n[^]*Sec-WebSocket-Version: 13\r\n/);
    expect(server.errors).toEqual([]);
  });

  it.each<[string, UpgradeOptions['origins'], string, number]>([
    ['one of a list', ['https://a.example', 'https://b.example:8443'], 'Origin: https://b.example:8443\r\n', 101],
    ['none, with a list', ['https://a.example'], '', 101],
    ['another than those of a list', ['https://a.example'], 'Origin: https://b.example\r\n', 403],
    ['one that begins alike', ['https://a.example'], 'Origin: https://a.example.evil.example\r\n', 403],
    ['another scheme', ['https://a.example'], 'Origin: http://a.example\r\n', 403],
    ['two', ['https://a.example'], 'Origin: https://a.example\r\nOrigin: https://a.example\r\n', 403],
    ['an opaque one', ['https://a.example'], 'Origin: null\r\n', 403],
    ['an opaque one that is allowed', ['null', 'chrome-extension://abc'], 'Origin: null\r\n', 101],
    ['any, with an empty list', [], 'Origin: https://a.example\r\n', 403],
    ['one that a function takes', (origin) => origin === 'https://a.example', 'Origin: https://a.example\r\n', 101],
    ['none, which a function refuses', (origin) => origin !== undefined, '', 403],
    ['any, without the option', undefined, 'Origin: https://b.example\r\n', 101],
  ])('with the origin %s', async (_name, origins, line, status) => {
    const server = served((socket) => { socket.terminate(); }, origins && { origins });
    expect(await exchange(server, `${HEAD}${line}\r\n`)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(server.errors).toEqual([]);
  });

  it('takes tokens in any case, and lists', async () => {
    const server = served(echo);
    const client = connectRaw(server, HEAD.replace('websocket', 'foo, WebSocket').replace('keep-alive, Upgrade', 'UPGRADE'));
    expect((await client).head()).toContain(' 101 ');
  });

  it('refuses unknown options and wrong ones, before it answers', async () => {
    const codes: unknown[] = [];
    const server = start((request) => {
      for (const options of [{ maxMessageByte: 1 }, { maxMessageBytes: -1 }, { compression: 5 }, { compression: { levels: 1 } }, { pingInterval: 'x' }, { protocols: ['a b'] }, { origins: 'x' }, { origins: ['https://a.example/'] }, { origins: ['https://a.example:443'] }, { origins: ['https://A.example'] }, { origins: [5] }, { headers: { 'Content-Length': '1', 'b\r\n': '' } }]) {
        try {
          request.upgrade(options as object);
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
      return 'refused';
    });
    expect(await exchange(server, `${HEAD}\r\n`)).toMatch(/^HTTP\/1\.1 200 [^]*refused$/);
    expect(codes).toEqual(['ERR_UNKNOWN_OPTION', 'ERR_OUT_OF_RANGE', 'ERR_INVALID_ARG_TYPE', 'ERR_UNKNOWN_OPTION', 'ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_INVALID_ARG_TYPE', ...Array<string>(4).fill('ERR_INVALID_ARG_VALUE'), 'ERR_INVALID_HTTP_TOKEN']);
  });

  it('leaves method, path, target and query, and what was read before', async () => {
    const server = start((request) => {
      const host = request.headers.get('host');
      const socket = request.upgrade();
      socket.send([request.method, request.path, request.target, request.query.get('room'), host, request.headers === request.headers].join(' '));
    });
    const client = await connectRaw(server, HEAD.replace('/chat', '/chat/%61?room=5'));
    client.head();
    expect(await client.next()).toEqual(['text GET /chat/a /chat/%61?room=5 5 here true']);
  });

  it('works over a Unix socket', async () => {
    const path = `${temporaryDirectory()}/socket`;
    const server = start((request) => { echo(request.upgrade()); }, { path });
    await spawn(() => {
      using socket = connect(`ws+unix:${path}:/there`);
      socket.send('hello');
      expect(socket.receive()).toBe('hello');
    });
    expect(server.errors).toEqual([]);
  });

  it.skipIf(!haveOpenssl)('works over TLS', async () => {
    const server = start((request) => { echo(request.upgrade({ compression: { threshold: 1 } })); }, { tls: ordinary().server });
    const text = 'long '.repeat(30_000);
    await spawn(() => {
      const trusted = { ca: ordinary().authority.cert, servername: 'localhost' };
      using socket = connect(`wss://127.0.0.1:${server.port}/`, { tls: trusted });
      for (const message of ['hello', text]) {
        socket.send(message);
        expect(socket.receive()).toBe(message);
      }
      socket.close(3000);
      expect(socket.closeCode).toBe(3000);
      expect(() => connect(`wss://127.0.0.1:${server.port}/`)).toThrow(expect.objectContaining({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }));
    });
    expect(server.errors).toEqual([]);
  });
});

async function connectRaw(server: Parameters<typeof RawClient.to>[0], head: string): Promise<RawClient> {
  return RawClient.to(server, '', Buffer.alloc(0), head);
}

describe('when the handler is done, the client gets', () => {
  it('1000', async () => {
    const server = served((socket) => { socket.send('bye'); });
    const client = await RawClient.to(server);
    client.head();
    expect(await client.next(2)).toEqual(['text bye', 'close 1000']);
    expect(await client.send(frame(CLOSE, closing(1000))).rest()).toEqual([]);
    await server.close();
    expect(server.errors).toEqual([]);
  });

  it('1011 after an error, which is reported', async () => {
    const server = served((socket) => {
      using own = socket;
      own.receive();
      throw new Error('broken');
    });
    const client = await RawClient.to(server);
    client.head();
    expect(await client.send(frame(TEXT, 'x')).next()).toEqual(['close 1011']);
    client.send(frame(CLOSE, closing(1011)));
    await server.close();
    expect(server.errors).toEqual([new Error('broken')]);
  });

  it('1001 when the server closes, whether the handler receives or not', async () => {
    for (const idle of [false, true]) {
      let closed: WebSocket | undefined;
      const server = served((socket) => {
        closed = socket;
        if (!idle) expect(socket.receive()).toBe(null);
        while (socket.state !== 'closed') sleep(1);
      });
      const client = await RawClient.to(server);
      client.head();
      const closing_ = server.close();
      expect(await client.next()).toEqual(['close 1001']);
      expect(await client.send(frame(CLOSE, closing(1001))).rest()).toEqual([]);
      await closing_;
      expect(closed!.closeCode).toBe(1001);
      expect(server.errors).toEqual([]);
    }
  });

  it('1001 at the deadline of close, and a client that does not answer holds nothing up', async () => {
    const server = served(() => { sleep(1e9); }, { closeTimeout: 1e9 });
    const client = await RawClient.to(server);
    client.head();
    await server.close({ deadline: 1 });
    expect(await client.rest()).toEqual(['close 1001']);
    expect(server.errors).toEqual([]);
  });
});

describe('a client that leaves without a close frame', () => {
  it('ends receive with ERR_WEBSOCKET_LOST, which is not reported', async () => {
    let seen: unknown;
    const server = served((socket) => {
      try {
        socket.receive();
      } catch (error) {
        seen = error;
        expect([socket.state, socket.closeCode]).toEqual(['closed', 1006]);
        expect(() => socket.receive()).toThrow(error as Error);
        expect(() => { socket.send('x'); }).toThrow(error as Error);
        throw error;
      }
    });
    for (const leave of ['end', 'resetAndDestroy'] as const) {
      const client = await RawClient.to(server);
      client.socket[leave]();
      await client.rest();
    }
    await server.close();
    expect(seen).toBeInstanceOf(WebSocketError);
    expect(seen).toMatchObject({ code: 'ERR_WEBSOCKET_LOST', closeCode: 1006 });
    expect(server.errors).toEqual([]);
  });
});
