// What a server puts up with from a client: each limit is set low, and passed by little.
import { describe, expect, it } from 'vitest';

import { sleep, stats } from 'stackful';
import { start } from '../helpers.js';
import { ACK, END_HEADERS, END_STREAM, PREFACE, Raw, Type, ask, fields, frame, get, session, uint32 } from './peers.js';

const CALM = 11;
const PROTOCOL = 1;
const REFUSED = 7;
const few = { http2: { controlFrames: 20, controlFramesPerSecond: 0 } };

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
};

describe('a client that costs more than it asks for is sent away', () => {
  const floods: Record<string, (i: number) => Buffer[]> = {
    PING: () => [frame(Type.ping, 0, 0, Buffer.alloc(8))],
    'answers to PINGs that were not sent': () => [frame(Type.ping, ACK, 0, Buffer.alloc(8))],
    SETTINGS: () => [frame(Type.settings, 0, 0)],
    PRIORITY: () => [frame(Type.priority, 0, 1, Buffer.from([0, 0, 0, 0, 1]))],
    'WINDOW_UPDATE of the connection': () => [frame(Type.window, 0, 0, uint32(1))],
    'empty DATA': () => [frame(Type.data, 0, 1)],
    'streams that are reset at once': (i) => [
      frame(Type.headers, END_STREAM | END_HEADERS, 3 + 2 * i, get('/')), frame(Type.reset, 0, 3 + 2 * i, uint32(8)),
    ],
  };
  for (const [name, make] of Object.entries(floods)) {
    it(`with ${name}`, async () => {
      const server = start(() => 'x', few);
      const raw = await Raw.open(server);
      raw.send(frame(Type.headers, END_HEADERS, 1, get('/')));
      raw.send(...Array.from({ length: 40 }, (_, i) => make(i)).flat());
      expect(await raw.goaway()).toBe(CALM);
      await raw.end();
      expect(server.errors).toEqual([]);
    });
  }

  it('but not for the WINDOW_UPDATEs of what it receives', async () => {
    const server = start(() => 'x'.repeat(2_000_000), few);
    expect((await ask(session(server), '/')).body.length).toBe(2_000_000);
  });

  it('with more CONTINUATIONs of one header block than nghttp2 takes', async () => {
    const server = start(() => 'x', few);
    const raw = await Raw.open(server);
    raw.send(frame(Type.headers, END_STREAM, 1, get('/')));
    raw.send(...Array.from({ length: 40 }, (_, i) => frame(Type.continuation, 0, 1, fields([`x-${i}`, 'y']))));
    await raw.end();
    expect(server.stats.requests).toBe(0);
  });
});

describe('the limits of HTTP/1.1 hold for streams', () => {
  it('headBytes and headerCount (431), targetBytes (414)', async () => {
    const server = start((request) => request.path, { http2: true, limits: { headBytes: 2000, headerCount: 10, targetBytes: 100 } });
    const client = session(server);
    expect(await ask(client, { ':path': '/', 'x-large': 'x'.repeat(2000) })).toMatchObject({ status: 431, body: '431 Request Header Fields Too Large\n' });
    expect(await ask(client, { ':path': '/', ...Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`x-${i}`, 'y'])) })).toMatchObject({ status: 431 });
    expect(await ask(client, `/${'x'.repeat(100)}`)).toMatchObject({ status: 414 });
    expect(await ask(client, '/')).toMatchObject({ status: 200 });
    expect(server.stats.requests).toBe(1);
  });

  it('bodyBytes (413), announced or not', async () => {
    const server = start((request) => request.text(), { http2: true, limits: { bodyBytes: 100 } });
    const client = session(server);
    expect(await ask(client, { ':path': '/', ':method': 'POST', 'content-length': 101 }, 'x'.repeat(101))).toMatchObject({ status: 413 });
    expect(await ask(client, { ':path': '/', ':method': 'POST' }, 'x'.repeat(1000))).toMatchObject({ status: 413 });
    expect(await ask(client, { ':path': '/', ':method': 'POST' }, 'x'.repeat(100))).toMatchObject({ status: 200 });
  });

  it('bodyMs and requestMs (408)', async () => {
    for (const limits of [{ bodyMs: 30 }, { requestMs: 30 }]) {
      const server = start((request) => request.text(), { http2: true, limits });
      const raw = await Raw.open(server);
      raw.send(frame(Type.headers, END_HEADERS, 1, get('/')), frame(Type.data, 0, 1, 'x'));
      await raw.until(({ type, flags, stream }) => type === Type.data && stream === 1 && (flags & END_STREAM) !== 0);
      expect(raw.data(1).toString()).toBe('the body did not arrive in time\n');
      // Nothing reads the rest: the stream is reset without an error (RFC 9113 section 8.1).
      expect(await raw.reset(1)).toBe(0);
    }
  });

  it('sendMs, for a handler that waits for its client, and for a response that is complete', async () => {
    const server = start((request) => (request.path === '/whole' ? 'x'.repeat(1000) : 'x'.repeat(200_000)), { http2: true, limits: { sendMs: 40 } });
    const noWindow = Buffer.concat([PREFACE, frame(Type.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]))]);
    const raw = await Raw.open(server, noWindow);
    raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 1, get('/whole')), frame(Type.headers, END_STREAM | END_HEADERS, 3, get('/')));
    expect(await raw.reset(1)).toBe(8);
    expect(await raw.reset(3)).toBe(8);
  });

  it('sendMs, for a client that reads nothing at all', async () => {
    const server = start(() => 'x'.repeat(500_000), { http2: true, limits: { sendMs: 100 } });
    const most = Buffer.concat([PREFACE, frame(Type.settings, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])), frame(Type.window, 0, 0, uint32(2 ** 30))]);
    const raw = await Raw.open(server, most);
    raw.socket.pause();
    for (let i = 0; i < 60; i++) raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 1 + 2 * i, get('/')));
    await until(() => server.stats.connections === 1);
    await until(() => server.stats.connections === 0);
    expect(server.errors).toEqual([]);
  });

  it('firstByteMs, headMs and idleMs', async () => {
    const server = start(() => 'x', { http2: true, limits: { firstByteMs: 30, headMs: 30, idleMs: 30 } });
    // A preface and nothing else; half a header block; a request, and no other one.
    const quiet = await Raw.open(server);
    const half = await Raw.open(server);
    half.send(frame(Type.headers, END_STREAM, 1, get('/')));
    const idle = await Raw.open(server);
    idle.send(frame(Type.headers, END_STREAM | END_HEADERS, 1, get('/')));
    await Promise.all([quiet.end(), half.end(), idle.end()]);
    expect(idle.data(1).toString()).toBe('x');
    expect(await quiet.goaway()).toBe(0);
    await until(() => server.stats.connections === 0);
    expect(server.stats.requests).toBe(1);
  });

  it('maxConcurrentStreams, also of handlers that go on when their clients have left', async () => {
    let running = 0;
    const server = start(() => {
      running++;
      sleep(60_000);
    }, { http2: { maxConcurrentStreams: 3 } });
    const raw = await Raw.open(server);
    await raw.until(({ type, flags }) => type === Type.settings && (flags & ACK) === 0);
    raw.send(frame(Type.settings, ACK, 0));
    for (const id of [1, 3, 5, 7]) raw.send(frame(Type.headers, END_STREAM | END_HEADERS, id, get('/')));
    // nghttp2 refuses what a client must have known to be too much.
    expect([REFUSED, PROTOCOL]).toContain((await raw.reset(7)) ?? (await raw.goaway()));
    expect(running).toBe(3);
  });
});

describe('malformed requests', () => {
  const request = (...pairs: [string, string][]): Buffer => fields(...pairs);
  const base: [string, string][] = [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], [':authority', 'localhost']];
  const cases: Record<string, Buffer> = {
    'without a path': request([':method', 'GET'], [':scheme', 'http'], [':authority', 'a']),
    'with two paths': request(...base, [':path', '/x']),
    'with an unknown pseudo-field': request([':what', 'x'], ...base),
    'with a pseudo-field behind a field': request(['x', 'y'], ...base),
    'with an upper-case name': request(...base, ['X-A', 'b']),
    'with Connection': request(...base, ['connection', 'close']),
    'with Transfer-Encoding': request(...base, ['transfer-encoding', 'chunked']),
    'with a TE other than trailers': request(...base, ['te', 'gzip']),
    'with a line end in a value': request(...base, ['x', 'a\r\nb: c']),
    'with another host in Host than in :authority': request(...base, ['host', 'other']),
    'with a path of another form': request([':method', 'GET'], [':scheme', 'http'], [':path', 'http://other/'], [':authority', 'a']),
    'with two lengths': request(...base, ['content-length', '1'], ['content-length', '2']),
    'with a length and no body': request(...base, ['content-length', '1']),
  };
  for (const [name, block] of Object.entries(cases)) {
    it(`${name}: reset, or answered with 400, and not handled`, async () => {
      const server = start(() => 'x', { http2: true });
      const raw = await Raw.open(server);
      raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 1, block));
      const end = await raw.until(({ type, stream }) => stream === 1 && (type === Type.reset || type === Type.headers));
      if (end!.type === Type.reset) expect(end!.payload.readUInt32BE(0)).toBe(PROTOCOL);
      else expect((await raw.until(({ type, stream }) => type === Type.data && stream === 1))!.payload.toString()).toBe('400 Bad Request\n');
      expect(server.stats.requests).toBe(0);
      // The connection goes on.
      raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 3, get('/')));
      await until(() => raw.data(3).toString() === 'x');
    });
  }

  it('of a body that is longer than its Content-Length is reset', async () => {
    const server = start((request) => request.text(), { http2: true });
    const raw = await Raw.open(server);
    raw.send(frame(Type.headers, END_HEADERS, 1, get('/', ['content-length', '1'])), frame(Type.data, END_STREAM, 1, 'xy'));
    expect(await raw.reset(1)).toBe(PROTOCOL);
  });

  it('in the protocol end the connection', async () => {
    const violations: [string, Buffer][] = [
      ['DATA of no stream', frame(Type.data, 0, 1, 'x')],
      ['a stream of an even number', frame(Type.headers, END_STREAM | END_HEADERS, 2, get('/'))],
      ['fields that are none', frame(Type.headers, END_STREAM | END_HEADERS, 1, Buffer.from([0x80]))],
      ['a frame beyond the limit', frame(Type.data, 0, 1, Buffer.alloc(20_000))],
      ['a window of more than 2^31 - 1', Buffer.concat([frame(Type.window, 0, 0, uint32(2 ** 31 - 1)), frame(Type.window, 0, 0, uint32(2 ** 31 - 1))])],
      ['a PUSH_PROMISE', frame(Type.push, END_HEADERS, 1, uint32(2))],
    ];
    for (const [name, bytes] of violations) {
      const server = start(() => 'x', { http2: true });
      const raw = await Raw.open(server);
      raw.send(bytes);
      const code = await raw.goaway();
      expect([name, code === undefined || code > 0]).toEqual([name, true]);
      await raw.end();
    }
  });

  it('in the preface end the connection', async () => {
    const server = start(() => 'x', { http2: true });
    const raw = await Raw.open(server, Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'));
    await raw.end();
    await until(() => server.stats.connections === 0);
  });
});

describe('a server that cannot keep up', () => {
  it('refuses single streams with 503 (shed)', async () => {
    const server = start(() => {
      for (const end = performance.now() + 3; performance.now() < end;);
      return 'x';
    }, { http2: true, shed: { delayMs: 2, intervalMs: 1 } });
    const raw = await Raw.open(server);
    raw.send(...Array.from({ length: 60 }, (_, i) => frame(Type.headers, END_STREAM | END_HEADERS, 1 + 2 * i, get('/'))));
    const ended = (): number => raw.frames.filter(({ type, flags }) => type === Type.data && (flags & END_STREAM) !== 0).length;
    await until(() => ended() === 60);
    const refused = raw.frames.filter(({ type, payload }) => type === Type.data && payload.toString() === '503 Service Unavailable\n').length;
    expect(refused).toBeGreaterThan(0);
    expect(server.stats).toMatchObject({ requests: 60, shed: refused });
  });

  it('refuses single streams that are one coroutine too many, which clients may send again (maxCoroutines)', async () => {
    const server = start(() => { sleep(60_000); }, { http2: true, maxCoroutines: stats().live + 5 });
    const raw = await Raw.open(server);
    for (let i = 0; i < 10; i++) raw.send(frame(Type.headers, END_STREAM | END_HEADERS, 1 + 2 * i, get('/')));
    expect(await raw.reset(19)).toBe(REFUSED);
    expect(server.stats.requests).toBeLessThan(6);
  });
});
