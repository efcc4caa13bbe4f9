// How WebSockets over streams of HTTP/2 end, and calls on them that end early.
import type { ClientHttp2Session } from 'node:http2';
import { describe, expect, it } from 'vitest';

import { sleep, spawn, timeout } from 'stackful';

import { CLOSE, closing, CONTINUATION, echo, frame, PONG, TEXT } from './peers.js';
import { CANCEL, ended, open, overHttp2, ready, type Opened } from './streams.js';

describe('the end of a WebSocket over HTTP/2', () => {
  it('by the handler: a close frame, and the end of the stream', async () => {
    const server = overHttp2((socket) => { socket.send('bye'); });
    const { client, stream } = await open(await ready(server));
    expect(await client.next(2)).toEqual(['text bye', 'close 1000']);
    client.send(frame(CLOSE, closing(1000)));
    expect(await ended(stream)).toBe(0);
    await server.close();
    expect(server.errors).toEqual([]);
  });

  it('by a handler that throws: 1011, and the error is reported', async () => {
    const server = overHttp2((socket) => { socket.receive(); throw new Error('broken'); });
    const { client } = await open(await ready(server));
    expect(await client.send(frame(TEXT, 'x')).next()).toEqual(['close 1011']);
    client.send(frame(CLOSE, closing(1011)));
    await server.close();
    expect(server.errors).toEqual([new Error('broken')]);
  });

  it('by terminate: CANCEL', async () => {
    const server = overHttp2((socket) => { socket.terminate(); });
    const { stream } = await open(await ready(server));
    stream.on('error', () => undefined);
    expect(await ended(stream)).toBe(CANCEL);
    expect(server.errors).toEqual([]);
  });

  it.each<[string, (opened: Opened, on: ClientHttp2Session) => void]>([
    ['END_STREAM without a close frame', ({ stream }) => { stream.end(); }],
    ['RST_STREAM', ({ stream }) => { stream.close(CANCEL); }],
    ['the end of the connection', (_opened, on) => { on.destroy(); }],
  ])('by %s: ERR_WEBSOCKET_LOST in receive and in a send that waits, and the handler goes on', async (_name, leave) => {
    const codes: unknown[] = [];
    const server = overHttp2((socket) => {
      const codeOf = (call: () => unknown) => {
        try {
          return call();
        } catch (error) {
          return (error as { code: string }).code;
        }
      };
      const sender = spawn(() => codeOf(() => { for (;;) socket.send(Buffer.alloc(100_000)); }));
      codes.push(codeOf(() => socket.receive()), sender.join());
      sleep(5);
      codes.push(socket.closeCode, 'goes on');
    });
    const on = await ready(server);
    const opened = await open(on);
    opened.stream.on('error', () => undefined).pause();
    leave(opened, on);
    while (codes.length < 4) await new Promise(setImmediate);
    expect(codes).toEqual(['ERR_WEBSOCKET_LOST', 'ERR_WEBSOCKET_LOST', 1006, 'goes on']);
    await server.close();
    expect(server.errors).toEqual([]);
  });

  it('by a client that breaks the protocol: it is told so', async () => {
    const server = overHttp2(echo);
    const { client, stream } = await open(await ready(server));
    expect(await client.send(frame(TEXT, 'x', { mask: false })).rest()).toEqual(['close 1002']);
    expect(await ended(stream)).toBe(0);
    expect(server.errors).toEqual([]);
  });

  it('by a server that closes: 1001 for all, and the connection ends with the last', async () => {
    const server = overHttp2((socket) => { expect(socket.receive()).toBe(null); });
    const on = await ready(server);
    const opened = await Promise.all([open(on), open(on), open(on)]);
    const closed = server.close();
    for (const { client } of opened) expect(await client.next()).toEqual(['close 1001']);
    for (const { client } of opened) client.send(frame(CLOSE, closing(1001)));
    await closed;
    expect(server.errors).toEqual([]);
  });

  it('by the deadline of close, whatever the client does', async () => {
    const server = overHttp2(() => { sleep(1e9); }, { closeTimeout: 1e9 });
    const { client, stream } = await open(await ready(server));
    stream.on('error', () => undefined);
    await server.close({ deadline: 1 });
    expect(await client.rest()).toEqual(['close 1001']);
    expect(server.errors).toEqual([]);
  });

  it('not by a client that says GOAWAY: what is open goes on', async () => {
    const server = overHttp2(echo);
    const on = await ready(server);
    const { client } = await open(on);
    on.close();
    expect(await client.send(frame(TEXT, 'still')).next()).toEqual(['text still']);
    await client.send(frame(CLOSE, closing(1000))).rest();
    await server.close();
    expect(server.errors).toEqual([]);
  });
});

describe('an early end of a call on a WebSocket over HTTP/2', () => {
  it('leaves what receive has of a message', async () => {
    let timeouts = 0;
    const server = overHttp2((socket) => {
      while (timeouts < 3) timeout(1, () => socket.receive(), () => timeouts++);
      socket.send('now');
      echo(socket);
    });
    const { client } = await open(await ready(server));
    client.send(frame(TEXT, 'ha', { fin: false }));
    expect(await client.next()).toEqual(['text now']);
    expect(await client.send(frame(CONTINUATION, 'lf')).next()).toEqual(['text half']);
  });

  it('leaves a send that waits for its turn, and breaks one in the middle', async () => {
    const told: unknown[] = [];
    const server = overHttp2((socket) => {
      expect(socket.receive()).toBe('paused');
      const long = spawn(() => { socket.send(Buffer.alloc(1_000_000)); });
      sleep(1);
      timeout(5, () => { socket.send('never'); }, () => told.push('timed out'));
      long.cancel();
      sleep(1);
      for (let i = 0; i < 2; i++) {
        try {
          socket.send('x');
        } catch (error) {
          told.push((error as { code: string }).code);
        }
      }
      long.promise.catch(() => undefined);
    }, { closeTimeout: 10 });
    const { client, stream } = await open(await ready(server));
    stream.on('error', () => undefined).pause();
    client.send(frame(TEXT, 'paused'));
    while (told.length < 3) await new Promise(setImmediate);
    await ended(stream.resume());
    await server.close();
    expect(told).toEqual(['timed out', 'ERR_WEBSOCKET_BROKEN', 'ERR_WEBSOCKET_BROKEN']);
  });

  it('by a cancelled handler says 1001', async () => {
    const server = overHttp2((socket) => {
      const self = spawn(() => socket.receive());
      self.cancel();
      expect(() => self.join()).toThrow(expect.objectContaining({ code: 'ERR_CANCELLED' }));
      expect(socket.state).toBe('open');
      expect(socket.receive()).toBe('later');
    });
    const { client } = await open(await ready(server));
    expect(await client.send(frame(TEXT, 'later')).next()).toEqual(['close 1000']);
  });

  it('pings a client that is silent, and gives it up', async () => {
    let code: unknown;
    const server = overHttp2((socket) => {
      try {
        socket.receive();
      } catch (error) {
        code = (error as { code: string }).code;
        throw error;
      }
    }, { pingInterval: 20 });
    const { client, stream } = await open(await ready(server));
    stream.on('error', () => undefined);
    expect(await client.next()).toEqual(['ping']);
    client.send(frame(PONG));
    expect(await client.next()).toEqual(['ping']);
    await client.rest();
    await server.close();
    expect([code, server.errors]).toEqual(['ERR_WEBSOCKET_TIMEOUT', []]);
  });
});
