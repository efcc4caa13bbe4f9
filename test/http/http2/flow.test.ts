// Flow control, clients that leave, and the end of a server.
import { describe, expect, it } from 'vitest';

import { Event, currentSignal, sleep, spawn, stats } from 'stackful';
import { ClientLeftError } from 'stackful/http';
import { start } from '../helpers.js';
import { END_HEADERS, END_STREAM, PREFACE, Raw, Type, ask, frame, get, session, uint32 } from './peers.js';

const options = { http2: true };
const WINDOW_SETTING = 4;
const KIB = 1024;

/** A client that lets the server send `bytes` of each response. */
const tinyWindow = (bytes: number): Buffer => Buffer.concat([
  PREFACE, frame(Type.settings, 0, 0, Buffer.concat([Buffer.from([0, WINDOW_SETTING]), uint32(bytes)])),
]);

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
};

describe('flow control', () => {
  it('parks a handler whose client takes nothing, and no other one', async () => {
    let sent = 0;
    const parts = function* () {
      for (; sent < 300; sent++) yield 'x'.repeat(KIB);
    };
    const server = start((request) => (request.path === '/parts' ? { body: parts() } : 'ok'), options);
    const raw = await Raw.open(server, tinyWindow(10));
    raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 1, get('/parts')));
    await until(() => raw.data(1).length === 10);
    // What is queued is bounded, whatever the handler has.
    await until(() => sent >= 63);
    raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 3, get('/')));
    await raw.until(({ type, stream }) => type === Type.data && stream === 3);
    expect(sent).toBeLessThan(80);
    // A window of one byte after the other.
    for (let i = 1; i <= 20; i++) {
      raw.send(frame(Type.window, 0, 1, uint32(1)));
      await until(() => raw.data(1).length === 10 + i);
    }
    raw.send(frame(Type.window, 0, 1, uint32(300 * KIB)), frame(Type.window, 0, 0, uint32(300 * KIB)));
    await raw.until(({ type, flags, stream }) => type === Type.data && stream === 1 && (flags & END_STREAM) !== 0);
    expect(raw.data(1).length).toBe(300 * KIB);
  });

  it('lets a client send no more than a window ahead of the handler', async () => {
    const go = new Event();
    let read = 0;
    const server = start((request) => {
      go.wait();
      for (const chunk of request.chunks()) read += chunk.length;
      return String(read);
    }, { http2: { streamWindow: 1000 } });
    const client = session(server);
    await new Promise((resolve) => client.once('remoteSettings', resolve));
    const answer = ask(client, { ':path': '/', ':method': 'POST' }, 'x'.repeat(500_000));
    await until(() => server.stats.bytesReceived > 1000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.stats.bytesReceived).toBeLessThan(2000);
    await spawn(() => { go.set(); });
    expect((await answer).body).toBe('500000');
  });

  it('gives a connection back what nothing has read', async () => {
    const server = start((request) => (request.path === '/ignored' ? 'no' : String(request.text(1e7).length)), options);
    const client = session(server);
    for (let i = 0; i < 30; i++) {
      const answer = await ask(client, { ':path': '/ignored', ':method': 'POST' }, 'x'.repeat(100_000)).catch((error: unknown) => error);
      expect(answer).toMatchObject({ status: 200 });
    }
    expect((await ask(client, { ':path': '/', ':method': 'POST' }, 'x'.repeat(2_000_000))).body).toBe('2000000');
  });

  it.each([
    ['the header `priority`', get('/40000', ['priority', 'u=5']), get('/40000', ['priority', 'u=1']), Buffer.alloc(0)],
    ['PRIORITY_UPDATE', get('/40000'), get('/40000'), frame(Type.priorityUpdate, 0, 0, Buffer.concat([uint32(5), Buffer.from('u=1')]))],
  ])('sends what is urgent first, by %s (RFC 9218)', async (_name, third, fifth, update) => {
    let answered = 0;
    const server = start((request) => {
      answered++;
      return 'x'.repeat(Number(request.path.slice(1)));
    }, options);
    const raw = await Raw.open(server, tinyWindow(1e6));
    // The first takes all of the connection's window; the others wait for more.
    raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 1, get('/65535')));
    await until(() => raw.data(1).length === 65_535);
    raw.send(
      frame(Type.headers, END_STREAM | END_HEADERS, 3, third),
      frame(Type.headers, END_STREAM | END_HEADERS, 5, fifth),
      update,
    );
    await until(() => answered === 3);
    raw.send(frame(Type.ping, 0, 0, Buffer.alloc(8)));
    await raw.until(({ type }) => type === Type.ping);
    raw.send(frame(Type.window, 0, 0, uint32(50_000)));
    await until(() => raw.data(3).length + raw.data(5).length === 50_000);
    expect(raw.data(5).length).toBe(40_000);
    raw.send(frame(Type.window, 0, 0, uint32(30_000)));
    await until(() => raw.data(3).length === 40_000);
  });
});

describe('a client that leaves', () => {
  it('by RST_STREAM cancels that handler, and aborts its signal', async () => {
    const seen: unknown[] = [];
    const server = start((request) => {
      if (request.path === '/') return 'ok';
      request.signal.addEventListener('abort', () => seen.push(request.signal.reason));
      try {
        sleep(60_000);
      } finally {
        seen.push(currentSignal().reason);
      }
      return 'late';
    }, options);
    const raw = await Raw.open(server);
    raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 1, get('/wait')));
    await until(() => server.stats.requests === 1);
    raw.send(frame(Type.reset, 0, 1, uint32(8)));
    await until(() => seen.length === 2);
    expect(seen.every((reason) => reason instanceof ClientLeftError || (reason as Error).cause instanceof ClientLeftError)).toBe(true);
    raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 3, get('/')));
    await until(() => raw.data(3).toString() === 'ok');
    expect(server.errors).toEqual([]);
  });

  it('by RST_STREAM ends the iterator of a response, and a read of the body', async () => {
    let ended = 0;
    const server = start((request) => {
      if (request.path === '/body') {
        try {
          return request.text();
        } finally {
          ended++;
        }
      }
      return { body: (function* () {
        try {
          for (;;) yield 'x'.repeat(10_000);
        } finally {
          ended++;
        }
      })() };
    }, options);
    const raw = await Raw.open(server);
    raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 1, get('/')), frame(Type.headers, END_HEADERS, 3, get('/body')));
    await until(() => raw.data(1).length === 65_535);
    raw.send(frame(Type.reset, 0, 1, uint32(8)), frame(Type.reset, 0, 3, uint32(8)));
    await until(() => ended === 2);
    expect(server.errors).toEqual([]);
  });

  it('by the end of its connection cancels all of its handlers', async () => {
    let cancelled = 0;
    const server = start(() => {
      try {
        sleep(60_000);
      } finally {
        cancelled++;
      }
    }, options);
    const raw = await Raw.open(server);
    for (let i = 0; i < 20; i++) raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 1 + 2 * i, get('/')));
    await until(() => server.stats.requests === 20);
    raw.socket.resetAndDestroy();
    await until(() => cancelled === 20 && server.stats.connections === 0);
    expect(server.errors).toEqual([]);
  });
});

describe('server.close', () => {
  it('lets streams under way finish, and says which requests it has taken', async () => {
    const go = new Event();
    const server = start((request) => {
      if (request.path === '/wait') go.wait();
      return request.path;
    }, options);
    const client = session(server);
    const waiting = ask(client, '/wait');
    await until(() => server.stats.requests === 1);
    const goaway = new Promise((resolve) => client.once('goaway', (code) => { resolve(code); }));
    const closed = server.close();
    expect(await goaway).toBe(0);
    await spawn(() => { go.set(); });
    expect((await waiting).body).toBe('/wait');
    await closed;
    expect(server.stats).toMatchObject({ connections: 0, requests: 1 });
  });

  it('ends idle connections, and cancels handlers at the deadline', async () => {
    const server = start(() => { sleep(60_000); }, options);
    const idle = await Raw.open(server);
    const client = session(server);
    const failed = ask(client, '/').catch((error: unknown) => error);
    await until(() => server.stats.requests === 1);
    await server.close({ deadline: 50 });
    expect(await failed).toBeInstanceOf(Error);
    await idle.end();
    expect(server.stats.connections).toBe(0);
    expect(server.errors).toEqual([]);
  });

  it('leaves no coroutine behind', async () => {
    const before = stats().live;
    const server = start(() => 'x'.repeat(100_000), options);
    const raws = await Promise.all(Array.from({ length: 5 }, () => Raw.open(server)));
    for (const raw of raws) for (let i = 0; i < 50; i++) raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 1 + 2 * i, get('/')));
    await until(() => server.stats.requests === 250);
    await server.close({ deadline: 10 });
    await until(() => stats().live <= before);
  });
});
