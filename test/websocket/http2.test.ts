// WebSockets over streams of HTTP/2 (RFC 8441): what node:http2's client sees, frame by frame.
import { once } from 'node:events';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { describe, expect, it } from 'vitest';

import { spawn } from 'stackful';
import { accessLog } from 'stackful/http';
import { broadcast, type WebSocket } from 'stackful/websocket';

import { start, until } from '../http/helpers.js';
import { ask, session } from '../http/http2/peers.js';
import { BINARY, CLOSE, closing, CONTINUATION, echo, frame, PING, TEXT } from './peers.js';
import { ended, open, overHttp2, ready } from './streams.js';

describe('a WebSocket over HTTP/2', () => {
  it('is offered by the settings', async () => {
    expect((await ready(overHttp2(echo))).remoteSettings.enableConnectProtocol).toBe(true);
  });

  it('is a 200 in the access log', async () => {
    const entries: { status: number }[] = [];
    const log = accessLog({ logger: { info: (entry: { status: number }) => void entries.push(entry) } });
    const server = start(log((request) => { echo(request.upgrade()); }), { http2: true });
    const { client, stream } = await open(await ready(server));
    client.send(frame(CLOSE, closing(1000)));
    await ended(stream);
    await until(() => entries.length > 0);
    expect(entries.map(({ status }) => status)).toEqual([200]);
  });

  it('is answered with 200, without what HTTP/1.1 needs, and the handler sees the request of an upgrade', async () => {
    const server = start((request) => {
      const { method, path, target, httpVersion, hasBody } = request;
      const upgrade = request.headers.get('upgrade');
      const seen = [method, path, target, httpVersion, hasBody, upgrade, request.headers.get('host'), request.headers.has('connection')];
      const socket = request.upgrade({ protocols: ['b'], headers: { 'X-More': 'more' } });
      socket.send(JSON.stringify([...seen, socket.protocol, request.method, request.path]));
      echo(socket);
    }, { http2: true });
    const { client, status, headers } = await open(await ready(server), { ':path': '/a/%62?c', 'sec-websocket-protocol': 'a, b' });
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'sec-websocket-protocol': 'b', 'x-more': 'more' });
    for (const name of ['sec-websocket-accept', 'upgrade', 'connection', 'content-length']) expect(headers).not.toHaveProperty(name);
    expect(await client.next()).toEqual([`text ["GET","/a/b","/a/%62?c","2.0",false,"websocket","localhost:${server.port}",false,"b","GET","/a/b"]`]);
    client.send(frame(TEXT, 'hel', { fin: false }), frame(PING, 'p'), frame(CONTINUATION, 'lo'), frame(BINARY, Buffer.from([1, 2])));
    expect(await client.next(3)).toEqual(['pong p', 'text hello', 'binary 0102']);
    expect(await client.send(frame(CLOSE, closing(4000))).rest()).toEqual(['close 4000']);
    await server.close();
    expect(server.errors).toEqual([]);
  });

  it('takes what comes byte by byte, and long messages both ways', async () => {
    const server = overHttp2(echo, { maxMessageBytes: 5_000_000 });
    const { client } = await open(await ready(server));
    await client.trickle(frame(TEXT, 'slow'));
    expect(await client.next()).toEqual(['text slow']);
    const long = 'äbc'.repeat(500_000);
    client.send(frame(TEXT, long), frame(TEXT, 'behind'));
    expect(await client.next(2)).toEqual([`text ${long}`, 'text behind']);
    const bytes = Buffer.alloc(300_000, 'bytes');
    expect(await client.send(frame(BINARY, bytes)).next()).toEqual([`binary ${bytes.toString('hex')}`]);
    await client.send(frame(CLOSE, closing(1000))).rest();
    await server.close();
    expect(server.errors).toEqual([]);
  });

  it.each<[string, OutgoingHttpHeaders, number]>([
    ['another protocol', { ':protocol': 'connect-udp' }, 501],
    ['another version', { 'sec-websocket-version': '8' }, 426],
    ['another origin', { origin: 'https://b.example' }, 403],
    ['a length', { 'content-length': '5' }, 400],
  ])('is refused for %s', async (_name, headers, status) => {
    const server = overHttp2(echo, { origins: ['https://a.example'] });
    const on = await ready(server);
    const opened = await open(on, headers);
    expect(opened.status).toBe(status);
    opened.stream.end();
    // The connection goes on.
    expect((await open(on, { origin: 'https://a.example' })).status).toBe(200);
    expect(server.errors).toEqual([]);
  });

  it('is not what a handler gets that does not upgrade: its answer is one, and there is no body', async () => {
    const server = start((request) => `${String(request.hasBody)} [${request.text()}]`, { http2: true });
    const on = await ready(server);
    const stream = on.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/' });
    let text = '';
    stream.setEncoding('utf8').on('data', (part: string) => { text += part; });
    expect(await ended(stream)).toBe(0);
    expect(text).toBe('false []');
    expect((await ask(on, '/')).status).toBe(200);
    // An ordinary request of HTTP/2 cannot become one.
    const plain = await ask(session(overHttp2(echo)), '/');
    expect(plain.status).toBe(426);
  });

  it('plain CONNECT is still refused', async () => {
    const on = await ready(overHttp2(echo));
    const stream = on.request({ ':method': 'CONNECT', ':authority': 'there:1' });
    const [headers] = await once(stream, 'response') as [IncomingHttpHeaders];
    expect(headers[':status']).toBe(501);
  });

  it('makes send wait for the client\'s window, and other streams go on meanwhile', async () => {
    let sent = 0;
    const server = start((request) => {
      if (request.path === '/plain') return 'plain';
      const socket = request.upgrade();
      expect(socket.receive()).toBe('paused');
      for (; sent < 100; sent++) socket.send(Buffer.alloc(50_000, sent));
      return undefined;
    }, { http2: true });
    const on = await ready(server);
    const { client, stream } = await open(on);
    stream.pause();
    client.send(frame(TEXT, 'paused'));
    // Windows of 64 KiB, as much in the queue: the rest waits.
    for (let i = 0; i < 10; i++) expect((await ask(on, '/plain')).body).toBe('plain');
    expect(sent).toBeLessThan(10);
    stream.resume();
    const all = await client.next(101);
    expect(all.map((each) => each.slice(0, 9))).toEqual([...Array.from({ length: 100 }, (_, i) => `binary ${i.toString(16).padStart(2, '0')}`), 'close 100']);
    client.send(frame(CLOSE, closing(1000)));
    await server.close();
    expect(server.errors).toEqual([]);
  });

  it('mixes no messages of several coroutines', async () => {
    const server = overHttp2((socket) => {
      const senders = Array.from({ length: 5 }, (_, i) => spawn(() => {
        for (let n = 0; n < 10; n++) socket.send(Buffer.alloc(40_000, i));
      }));
      for (const sender of senders) sender.join();
    });
    const { client } = await open(await ready(server));
    const counts = new Map<string, number>();
    for (const text of (await client.next(51)).slice(0, 50)) {
      const byte = text.slice(7, 9);
      expect(text).toBe(`binary ${byte.repeat(40_000)}`);
      counts.set(byte, (counts.get(byte) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([10, 10, 10, 10, 10]);
  });

  it('is one of many on a connection, beside requests, and gets broadcasts', async () => {
    const all = new Set<WebSocket>();
    const server = start((request) => {
      if (request.path === '/all') return String(broadcast(all, 'to all'));
      const socket = request.upgrade();
      all.add(socket);
      for (const message of socket) socket.send(`${request.path} ${String(message)}`);
      all.delete(socket);
      return undefined;
    }, { http2: true });
    const on = await ready(server);
    const opened = await Promise.all(Array.from({ length: 80 }, (_, i) => open(on, { ':path': `/${i}` })));
    for (let round = 0; round < 5; round++) {
      for (const { client } of opened) client.send(frame(TEXT, `r${round}`));
      const answers = await Promise.all(opened.map(({ client }) => client.next()));
      expect(answers).toEqual(opened.map((_, i) => [`text /${i} r${round}`]));
    }
    expect((await ask(on, '/all')).body).toBe('80');
    expect(await Promise.all(opened.map(({ client }) => client.next()))).toEqual(opened.map(() => ['text to all']));
    await Promise.all(opened.map(({ client }) => client.send(frame(CLOSE, closing(1000))).rest()));
    await server.close();
    expect([all.size, server.errors]).toEqual([0, []]);
  });

  it('gets what broadcasts have queued while its client did not read', async () => {
    const server = overHttp2((socket) => {
      for (let i = 0; i < 20; i++) expect(broadcast([socket], Buffer.alloc(30_000, i))).toBe(1);
      expect(socket.bufferedBytes).toBeGreaterThan(0);
      expect(socket.receive()).toBe('go on');
    });
    const on = await ready(server, { settings: { initialWindowSize: 1000 } });
    const { client } = await open(on);
    expect((await client.send(frame(TEXT, 'go on')).next(21)).map((each) => each.slice(0, 9))).toEqual(
      [...Array.from({ length: 20 }, (_, i) => `binary ${i.toString(16).padStart(2, '0')}`), 'close 100']);
  });
});
