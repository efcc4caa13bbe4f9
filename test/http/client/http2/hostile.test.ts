// Servers that break HTTP/2, or use it against their clients: a clear error for each, and nothing that hangs.
import { describe, expect, it } from 'vitest';
import { sleep, spawn } from 'stackful';
import { Client } from 'stackful/http/client';

import { thrown, until } from '../peers.js';
import { ACK, answering, END_HEADERS, END_STREAM, fields, frame, frameServer, Type, uint32, type Peer } from './peers.js';

const clientOf = (origin: string, more: object = {}): Client => new Client({ origin, http2: 'prior-knowledge', ...more });
const status = (...more: [string, string][]): Buffer => fields([':status', '200'], ...more);
const head = (stream: number, block: Buffer, flags = END_STREAM): Buffer => frame(Type.headers, END_HEADERS | flags, stream, block);
const many = (count: number, one: () => Buffer): Buffer => Buffer.concat(Array.from({ length: count }, one));

const malformed: [what: string, answer: (stream: number) => Buffer, code: string][] = [
  ['a head without a status', (stream) => head(stream, fields(['x-a', 'b'])), 'HTTP2'],
  ['a status that is none', (stream) => head(stream, fields([':status', 'abc'])), 'HTTP2'],
  ['101', (stream) => head(stream, fields([':status', '101']), 0), 'HTTP2'],
  ['a request', (stream) => head(stream, fields([':method', 'GET'], [':status', '200'])), 'HTTP2'],
  ['a field of HTTP/1.1', (stream) => head(stream, status(['connection', 'close'])), 'HTTP2'],
  ['a coding of HTTP/1.1', (stream) => head(stream, status(['transfer-encoding', 'chunked']), 0), 'HTTP2'],
  ['a name in capitals', (stream) => head(stream, status(['X-A', 'b'])), 'HTTP2'],
  ['a line feed in a value', (stream) => head(stream, status(['x-a', 'b\nc: d'])), 'HTTP2'],
  ['two lengths', (stream) => head(stream, status(['content-length', '1'], ['content-length', '2']), 0), 'HTTP2'],
  ['a length that is none', (stream) => head(stream, status(['content-length', '1x']), 0), 'HTTP2'],
  ['less than its length', (stream) => Buffer.concat([head(stream, status(['content-length', '5']), 0), frame(Type.data, END_STREAM, stream, 'abc')]), 'HTTP2'],
  ['more than its length', (stream) => Buffer.concat([head(stream, status(['content-length', '2']), 0), frame(Type.data, END_STREAM, stream, 'abc')]), 'HTTP2'],
  ['an end behind 103', (stream) => head(stream, fields([':status', '103'])), 'HTTP2'],
  ['informational heads without end', (stream) => many(100, () => head(stream, fields([':status', '103']), 0)), 'INFORMATIONAL'],
  ['a large head', (stream) => head(stream, status(...Array.from({ length: 20 }, (_, i): [string, string] => [`x-${i}`, 'x'.repeat(500)])), 0), 'HEAD_TOO_LARGE'],
  ['many fields', (stream) => head(stream, status(...Array.from({ length: 60 }, (_, i): [string, string] => [`x-${i}`, 'x'])), 0), 'HEAD_TOO_LARGE'],
];

describe('an answer with', () => {
  it.each(malformed)('%s is refused, and the connection goes on', async (_what, answer, code) => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => { if (nth % 2) peer.send(answer(stream)); else peer.head(stream); });
      using client = clientOf(server.url, { limits: { headBytes: 8000, headerCount: 50 } });
      const error = thrown(() => client.request('/').text());
      expect([error.code, error.message.length > 20]).toEqual([`ERR_HTTP_CLIENT_${code}`, true]);
      expect(client.request('/').status).toBe(200);
      expect(server.peers).toHaveLength(1);
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('trailers with a status, or without an end, is refused', async () => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => {
        peer.head(stream, 0).data(stream, 'abc').send(head(stream, nth === 1 ? status() : fields(['x-a', 'b']), nth === 1 ? END_STREAM : 0));
      });
      using client = clientOf(server.url);
      for (let i = 0; i < 2; i++) expect(thrown(() => client.request('/').text()).code).toBe('ERR_HTTP_CLIENT_HTTP2');
    });
  });
});

const broken: [what: string, bytes: (stream: number) => Buffer][] = [
  ['a frame that is too long', (stream) => frame(Type.data, 0, stream, Buffer.alloc(20_000))],
  ['SETTINGS of a wrong length', () => frame(Type.settings, 0, 0, 'abc')],
  ['SETTINGS of a stream', (stream) => frame(Type.settings, 0, stream)],
  ['an impossible setting', () => frame(Type.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(2 ** 31)]))],
  ['a WINDOW_UPDATE by 0', () => frame(Type.window, 0, 0, uint32(0))],
  ['a window that overflows', () => many(2, () => frame(Type.window, 0, 0, uint32(2 ** 31 - 1)))],
  ['a PING of a wrong length', () => frame(Type.ping, 0, 0, 'abc')],
  ['a body before its head', (stream) => frame(Type.data, END_STREAM, stream, 'abc')],
  ['DATA of no stream', () => frame(Type.data, 0, 0, 'abc')],
  ['a head of a stream that never was', () => head(99, status())],
  ['a head of its own stream', () => head(2, status())],
  ['a table that no head block has', (stream) => head(stream, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]))],
  ['CONTINUATION of nothing', (stream) => frame(Type.continuation, END_HEADERS, stream, status())],
  ['another frame within a head', (stream) => Buffer.concat([frame(Type.headers, 0, stream, status()), frame(Type.ping, 0, 0, Buffer.alloc(8))])],
  ['a promise that was refused', (stream) => frame(Type.push, END_HEADERS, stream, Buffer.concat([uint32(2), fields([':method', 'GET'], [':scheme', 'http'], [':path', '/'], [':authority', 'a'])]))],
  ['bytes of HTTP/1.1', () => Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')],
  ['noise', () => Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7919) & 255))],
];

describe('a connection with', () => {
  it.each(broken)('%s fails, and the next request has another', async (_what, bytes) => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => {
        if (nth === 2) {
          // The client's SETTINGS are in force from its word on.
          until(() => peer.of(Type.settings).some(({ flags }) => flags & ACK));
          peer.send(bytes(stream));
        } else {
          peer.head(stream);
        }
      });
      using client = clientOf(server.url);
      client.request('/');
      const error = thrown(() => client.request('/', { method: 'POST' }).text());
      expect([error.code, error.message.startsWith(server.url)]).toEqual(['ERR_HTTP_CLIENT_HTTP2', true]);
      expect(client.stats.open).toBe(0);
      expect(client.request('/').status).toBe(200);
      expect(server.peers).toHaveLength(2);
    });
  });

  const flood: [what: string, one: (stream: number) => Buffer][] = [
    ['PINGs', () => frame(Type.ping, 0, 0, Buffer.alloc(8))],
    ['SETTINGS', () => frame(Type.settings, 0, 0)],
    ['WINDOW_UPDATEs', () => frame(Type.window, 0, 0, uint32(1))],
    ['PRIORITY', (stream) => frame(Type.priority, 0, stream, Buffer.from([0, 0, 0, 0, 1]))],
    ['resets', () => frame(Type.reset, 0, 1, uint32(8))],
    ['empty DATA', (stream) => frame(Type.data, 0, stream, '')],
  ];

  it.each(flood)('too many %s is given up', async (_what, one) => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => {
        if (nth === 1) peer.head(stream);
        else peer.head(stream, 0).send(many(3000, () => one(stream)));
      });
      using client = clientOf(server.url);
      client.request('/');
      const error = thrown(() => client.request('/').text());
      expect([error.code, error.message]).toEqual([
        'ERR_HTTP_CLIENT_HTTP2', `${server.url} sends too many frames that are part of no answer`,
      ]);
      expect(client.stats.open).toBe(0);
    });
  });

  it('a few of each is not', async () => {
    await spawn(() => {
      using server = answering((peer, stream) => {
        for (const [, one] of flood.slice(0, 4)) peer.send(many(50, () => one(stream)));
        peer.head(stream);
      });
      using client = clientOf(server.url);
      for (let i = 0; i < 3; i++) expect(client.request('/').status).toBe(200);
    });
  });

  it('more of a body than the window fails', async () => {
    await spawn(() => {
      using server = answering((peer, stream) => {
        peer.head(stream, 0).send(many(5, () => frame(Type.data, 0, stream, Buffer.alloc(16_384))));
      });
      using client = clientOf(server.url, { http2: { priorKnowledge: true, streamWindow: 65535 } });
      const response = client.request('/');
      until(() => server.peers[0]!.of(Type.reset).length + server.peers[0]!.of(Type.goaway).length > 0);
      expect(thrown(() => response.text()).code).toBe('ERR_HTTP_CLIENT_HTTP2');
    });
  });

  it('a GOAWAY with an error says so', async () => {
    await spawn(() => {
      using server = answering((peer, stream) => {
        peer.send(frame(Type.goaway, 0, 0, Buffer.concat([uint32(stream), uint32(11), Buffer.from('too much')])));
        peer.socket.close();
      });
      using client = clientOf(server.url);
      const error = thrown(() => client.request('/', { method: 'POST' }));
      expect(error.code).toMatch(/^(ERR_HTTP_CLIENT_CLOSED|ECONNRESET)$/);
      if (error.code !== 'ECONNRESET') expect(error.message).toContain('GOAWAY with error 11: too much');
    });
  });

  it('nothing at all is given up by the time limit', async () => {
    await spawn(() => {
      using server = frameServer(() => undefined);
      using client = clientOf(server.url, { headersTimeout: 20 });
      for (let i = 0; i < 3; i++) expect(thrown(() => client.request('/')).code).toBe('ERR_HTTP_CLIENT_HEADERS_TIMEOUT');
      expect(client.stats.open).toBe(1);
    });
  });

  it('random frames never hangs, and never ends the process', async () => {
    let seed = 12345;
    const random = (below: number): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
    await spawn(() => {
      using server = frameServer((peer: Peer, { type, stream }) => {
        if (type !== Type.headers) return;
        for (let i = 0; i < 20; i++) {
          const payload = Buffer.from(Array.from({ length: random(40) }, () => random(256)));
          const one = random(3) === 0 ? head(stream, status(), 0) : frame(random(11), random(64), [0, stream, stream + 2, 2][random(4)]!, payload);
          peer.send(one);
        }
        sleep(1);
        peer.socket.close();
      });
      using client = clientOf(server.url);
      for (let i = 0; i < 200; i++) {
        try {
          client.request('/', { method: 'POST', headersTimeout: 5000, bodyTimeout: 5000 }).bytes();
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toMatch(/^(ERR_HTTP_CLIENT_(?!.*TIMEOUT)|ECONNRESET|EPIPE)/);
        }
      }
      expect(client.stats).toMatchObject({ waiting: 0 });
    });
  });
});
