// The client: what it asks for, and which answers it refuses.
import type { Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { spawn } from 'stackful';
import { connect, WebSocketHandshakeError, type WebSocketConnectOptions } from 'stackful/websocket';

import { closing, frame, framesIn, describeFrame, rawServer, switching, TEXT, CLOSE, PING, CONTINUATION } from './peers.js';

const servers: Server[] = [];
afterEach(() => { for (const server of servers.splice(0)) server.close(); });

async function answering(...args: Parameters<typeof rawServer>): Promise<string> {
  const server = await rawServer(...args);
  servers.push(server);
  return `ws://127.0.0.1:${server.port}/path?query`;
}

const failing = (url: string, options?: WebSocketConnectOptions) => spawn(() => {
  try {
    connect(url, options);
  } catch (error) {
    return error as WebSocketHandshakeError;
  }
  throw new Error('no error');
}).promise;

describe('connect asks', () => {
  it('with the headers of RFC 6455 and those that it is given', async () => {
    let asked = '';
    const url = await answering((key, head) => { asked = head; return switching(key, 'Sec-WebSocket-Protocol: b\r\n'); }, (socket) => socket.write(frame(CLOSE, '', { mask: false })));
    await spawn(() => {
      const socket = connect(url.replace('127', 'me:pass@127'), { protocols: ['a', 'b'], origin: 'http://there', headers: { 'X-More': 'more', 'host': 'other' }, compression: true });
      expect([socket.protocol, socket.compressed, socket.receive(), socket.closeCode]).toEqual(['b', false, null, 1005]);
    });
    const lines = asked.split('\r\n');
    expect(lines[0]).toBe('GET /path?query HTTP/1.1');
    expect(lines).toEqual(expect.arrayContaining(['host: other', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Origin: http://there', 'X-More: more',
      'Sec-WebSocket-Protocol: a, b', 'Authorization: Basic bWU6cGFzcw==', 'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover']));
    expect(lines.filter((line) => /^host:/i.test(line))).toHaveLength(1);
  });

  it.each<[string, string, WebSocketConnectOptions | undefined, string]>([
    ['a URL of http', 'http://127.0.0.1/', undefined, 'ERR_INVALID_ARG_VALUE'],
    ['a fragment', 'ws://127.0.0.1/#there', undefined, 'ERR_INVALID_ARG_VALUE'],
    ['no URL', 'there', undefined, 'ERR_INVALID_URL'],
    ['an unknown option', 'ws://127.0.0.1/', { protocol: 'a' } as object, 'ERR_UNKNOWN_OPTION'],
    ['the same protocol twice', 'ws://127.0.0.1/', { protocols: ['a', 'a'] }, 'ERR_INVALID_ARG_VALUE'],
    ['a protocol that is no token', 'ws://127.0.0.1/', { protocols: 'a b' }, 'ERR_INVALID_ARG_VALUE'],
    ['a header of the handshake', 'ws://127.0.0.1/', { headers: { 'Sec-WebSocket-Key': 'x' } }, 'ERR_INVALID_ARG_VALUE'],
    ['a header in a header', 'ws://127.0.0.1/', { headers: { a: 'b\r\nc: d' } }, 'ERR_INVALID_ARG_VALUE'],
  ])('but not with %s', async (_name, url, options, code) => {
    expect(await failing(url, options)).toMatchObject({ code });
  });
});

describe('connect refuses', () => {
  it.each<[string, (key: string) => string, number | undefined]>([
    ['another status', () => 'HTTP/1.1 403 Forbidden\r\nX-Why: because\r\n\r\nno', 403],
    ['a redirect', () => 'HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1/\r\n\r\n', 302],
    ['a wrong accept key', (key) => switching(`x${key}`), 101],
    ['no accept key', (key) => switching(key).replace(/Sec-WebSocket-Accept.*\r\n/, ''), 101],
    ['no Upgrade', (key) => switching(key).replace(/Upgrade: websocket\r\n/, ''), 101],
    ['no Connection', (key) => switching(key).replace(/Connection.*\r\n/, ''), 101],
    ['a protocol that it has not asked for', (key) => switching(key, 'Sec-WebSocket-Protocol: x\r\n'), 101],
    ['an extension that it has not asked for', (key) => switching(key, 'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n'), 101],
    ['HTTP/1.0', (key) => switching(key).replace('1.1', '1.0'), undefined],
    ['no HTTP', () => 'hello\r\n\r\n', undefined],
    ['an endless head', () => `HTTP/1.1 101 x\r\n${'a: b\r\n'.repeat(5000)}`, undefined],
    ['a malformed header', () => 'HTTP/1.1 101 x\r\na b\r\n\r\n', 101],
  ])('%s', async (_name, answer, status) => {
    const error = await failing(await answering(answer));
    expect(error).toBeInstanceOf(WebSocketHandshakeError);
    expect(error).toMatchObject({ code: 'ERR_WEBSOCKET_HANDSHAKE', status });
    if (status === 403) expect(error.headers).toEqual({ 'x-why': 'because' });
  });

  it.each([
    'permessage-deflate', 'permessage-deflate; server_no_context_takeover; client_max_window_bits=10', 'permessage-deflate; server_no_context_takeover; x',
    'permessage-deflate; server_no_context_takeover; server_no_context_takeover', 'permessage-deflate; server_no_context_takeover; server_max_window_bits=16',
    'x-other', 'permessage-deflate; server_no_context_takeover, permessage-deflate; server_no_context_takeover',
  ])('the extensions %s', async (extensions) => {
    const url = await answering((key) => switching(key, `Sec-WebSocket-Extensions: ${extensions}\r\n`));
    expect(await failing(url, { compression: true })).toMatchObject({ code: 'ERR_WEBSOCKET_HANDSHAKE', status: 101 });
  });

  it('a server that ends, or says nothing in time, or is not there', async () => {
    expect(await failing(await answering(() => 'HTTP/1.1 101', (socket) => socket.end()))).toMatchObject({ code: 'ERR_WEBSOCKET_HANDSHAKE' });
    expect(await failing(await answering(() => ''), { handshakeTimeout: 20 })).toMatchObject({ code: 'ERR_TIMEOUT' });
    const url = await answering(() => '');
    servers.pop()!.close();
    expect(await failing(url)).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('a client', () => {
  it('gets what came with the answer, and masks what it sends, with other keys each time', async () => {
    const sent: Buffer[] = [];
    const url = await answering((key) => switching(key) + frame(TEXT, 'first', { mask: false, fin: false }).toString('latin1'), (socket) => {
      socket.write(Buffer.concat([frame(PING, 'p', { mask: false }), frame(CONTINUATION, '!', { mask: false })]));
      socket.on('data', (chunk: Buffer) => {
        sent.push(chunk);
        if (framesIn(Buffer.concat(sent)).frames.length === 5) socket.end(frame(CLOSE, closing(3001, 'enough'), { mask: false }));
      });
    });
    await spawn(() => {
      using socket = connect(url);
      expect(socket.receive()).toBe('first!');
      for (const data of ['one', 'one', Buffer.from('two')]) socket.send(data);
      socket.send('x'.repeat(70_000));
      expect(socket.receive()).toBe(null);
      expect([socket.closeCode, socket.closeReason, socket.state]).toEqual([3001, 'enough', 'closed']);
    });
    while (framesIn(Buffer.concat(sent)).frames.length < 6) await new Promise(setImmediate);
    const { frames } = framesIn(Buffer.concat(sent));
    expect(frames.map(describeFrame)).toEqual(['pong p', 'text one', 'text one', 'binary 74776f', `text ${'x'.repeat(70_000)}`, 'close 3001']);
    const [, first, second] = [0, 7, 16].map((at) => Buffer.concat(sent).subarray(at + 2, at + 6).toString('hex'));
    expect(first).not.toBe(second);
  });

  it('refuses a mask of the server', async () => {
    const url = await answering((key) => switching(key), (socket) => socket.write(frame(TEXT, 'x')));
    await spawn(() => {
      const socket = connect(url);
      expect(() => socket.receive()).toThrow(expect.objectContaining({ code: 'ERR_WEBSOCKET_PROTOCOL', closeCode: 1002 }));
    });
  });
});
