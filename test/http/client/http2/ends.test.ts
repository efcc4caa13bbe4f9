// How requests and connections end before their time.
import { describe, expect, it } from 'vitest';
import { AsyncLocalStorage } from 'node:async_hooks';
import { sleep, spawn, timeout, wait } from 'stackful';
import { Client, type Http2ClientOptions } from 'stackful/http/client';

import { runChild } from '../../../support/child.js';
import { gc } from '../../../support/gc.js';
import { start, url } from '../../helpers.js';
import { parkedIn, thrown, until } from '../peers.js';
import { answering, END_STREAM, frame, frameServer, nodeServer, Type, type Peer } from './peers.js';

const CANCEL = 8;
const REFUSED = 7;
const clientOf = (origin: string, http2: Http2ClientOptions = {}): Client => new Client({ origin, http2: { priorKnowledge: true, ...http2 } });
const resets = (peer: Peer): [stream: number, error: number][] => peer.of(Type.reset).map(({ stream, payload }) => [stream, payload.readUInt32BE(0)]);

describe('a request that is ended', () => {
  it('resets its stream, and the connection goes on', async () => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => {
        if (nth === 1 || nth === 5) peer.head(stream);
        if (nth === 4) peer.head(stream, 0).data(stream, 'part');
      });
      using client = clientOf(server.url);
      client.request('/');
      const asking = spawn(() => client.request('/'));
      parkedIn(asking, 'socket');
      asking.cancel();
      expect(thrown(() => asking.join()).code).toBe('ERR_CANCELLED');
      expect(thrown(() => timeout(5, () => client.request('/'))).code).toBe('ERR_TIMEOUT');
      expect(thrown(() => timeout(5, () => client.request('/').text())).code).toBe('ERR_TIMEOUT');
      expect(client.request('/').status).toBe(200);
      until(() => resets(server.peers[0]!).length === 3);
      expect(resets(server.peers[0]!)).toEqual([[3, CANCEL], [5, CANCEL], [7, CANCEL]]);
      expect(server.peers).toHaveLength(1);
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('in the middle of its body: both ways', async () => {
    const server = start((request) => (request.method === 'POST' ? request.text().slice(0, 3) : { body: Buffer.alloc(5_000_000) }), { http2: true });
    await spawn(() => {
      using client = clientOf(url(server));
      for (const _ of client.request('/').body) break;
      {
        using response = client.request('/');
        expect(response.status).toBe(200);
      }
      client.request('/').body.discard();
      const sending = spawn(() => client.request('/', { body: function* () { for (;;) { sleep(1); yield 'abc'; } }() }));
      parkedIn(sending, 'socket');
      sending.cancel();
      expect(thrown(() => sending.join()).code).toBe('ERR_CANCELLED');
      const failing = thrown(() => client.request('/', { body: function* () { yield 'a'; sleep(1); throw new RangeError('mine'); }() }));
      expect(failing).toBeInstanceOf(RangeError);
      expect(client.request('/', { body: 'abcdef' }).text()).toBe('abc');
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('by its time limits', async () => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => { if (nth === 2) peer.head(stream, 0).data(stream, 'part'); });
      using client = clientOf(server.url);
      expect(thrown(() => client.request('/', { headersTimeout: 5 })).code).toBe('ERR_HTTP_CLIENT_HEADERS_TIMEOUT');
      const response = client.request('/', { bodyTimeout: 5 });
      expect(thrown(() => response.text()).code).toBe('ERR_HTTP_CLIENT_BODY_TIMEOUT');
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('by the server: RST_STREAM', async () => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => {
        if (nth === 2) peer.head(stream, 0).data(stream, 'part');
        if (nth === 3) peer.head(stream);
        else peer.reset(stream, 2);
      });
      using client = clientOf(server.url);
      const error = thrown(() => client.request('/'));
      expect([error.code, error.message]).toEqual(['ERR_HTTP_CLIENT_RESET', `${server.url} has reset the request's stream: INTERNAL_ERROR`]);
      const pieces: string[] = [];
      const response = client.request('/');
      expect(thrown(() => { for (const piece of response.body) pieces.push(String(piece)); }).code).toBe('ERR_HTTP_CLIENT_RESET');
      expect(pieces).toEqual(['part']);
      expect(client.request('/').status).toBe(200);
      expect(server.peers).toHaveLength(1);
    });
  });

  // As node:http2 ends those that are whole when the window is used up, and those that it cuts off: findings/ended-by-a-reset.sh.
  it('by a reset with NO_ERROR: whole with a Content-Length, else nobody knows', async () => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => {
        if (nth === 1) peer.head(stream, 0, ['content-length', '4']);
        else peer.head(stream, 0);
        peer.data(stream, 'part').reset(stream, 0);
      });
      using client = clientOf(server.url);
      expect(client.request('/').text()).toBe('part');
      const error = thrown(() => client.request('/').text());
      expect([error.code, error.message]).toEqual(['ERR_HTTP_CLIENT_RESET', expect.stringMatching(/has not said whether its answer is whole/)]);
      expect(server.peers).toHaveLength(1);
    });
  });

  it('by an answer that is complete before the body is', async () => {
    await spawn(() => {
      using server = answering((peer, stream) => { peer.head(stream, 0).data(stream, 'no', END_STREAM).reset(stream, 0); });
      using client = clientOf(server.url);
      let given = 0;
      const body = function* () { for (; given < 1000; given++) { sleep(1); yield Buffer.alloc(10_000); } };
      expect(client.request('/', { body: body() }).text()).toBe('no');
      expect(given).toBeLessThan(1000);
      expect(client.stats.open).toBe(1);
    });
  });
});

describe('requests that the server has not taken', () => {
  it('are sent again: REFUSED_STREAM', async () => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => { if (nth < 3) peer.reset(stream, REFUSED); else peer.head(stream); });
      using client = clientOf(server.url);
      expect(client.request('/', { body: 'abc' }).status).toBe(200);
      expect(server.peers[0]!.of(Type.headers)).toHaveLength(3);
    });
  });

  it('but not for ever, and not with a body that is gone', async () => {
    await spawn(() => {
      using server = answering((peer, stream) => { peer.reset(stream, REFUSED); });
      using client = clientOf(server.url);
      expect(thrown(() => client.request('/')).code).toBe('ERR_HTTP_CLIENT_REFUSED');
      const before = server.peers[0]!.of(Type.headers).length;
      expect(before).toBe(6);
      expect(thrown(() => client.request('/', { body: ['a'] })).code).toBe('ERR_HTTP_CLIENT_REFUSED');
      expect(server.peers[0]!.of(Type.headers)).toHaveLength(before + 1);
    });
  });

  it('go to a new connection after a GOAWAY, and those below it finish', async () => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => {
        if (nth === 3) {
          peer.goaway(3);
          sleep(5);
          peer.head(1).head(3);
        } else if (nth > 3) {
          peer.head(stream, 0).data(stream, 'new', END_STREAM);
        }
      });
      using client = clientOf(server.url);
      const texts = Array.from({ length: 3 }, () => spawn(() => client.request('/', { method: 'POST' }).text()));
      expect(texts.map((one) => one.join()).sort()).toEqual(['', '', 'new']);
      expect(server.peers).toHaveLength(2);
      until(() => client.stats.open === 1);
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('a server that goes gracefully gets no further requests', async () => {
    let goaway = true;
    const { url: origin } = await nodeServer((stream) => {
      stream.respond({ ':status': 200 });
      if (goaway) stream.session!.goaway(0);
      goaway = false;
      setTimeout(() => stream.end('done'), 5);
    });
    await spawn(() => {
      using client = clientOf(origin);
      const first = client.request('/');
      sleep(1);
      expect(client.request('/').text()).toBe('done');
      expect(first.text()).toBe('done');
      until(() => client.stats.open === 1);
    });
  });

  it('our own server goes in the middle of requests: each is answered once', async () => {
    let answered = 0;
    let taken = 0;
    const server = start(() => { taken++; sleep(50); answered++; return 'ok'; }, { http2: true });
    await spawn(() => {
      using client = clientOf(url(server));
      const asking = Array.from({ length: 60 }, () => spawn(() => client.request('/').text()));
      until(() => taken === 60);
      const closing = server.close();
      expect(asking.every((one) => one.join() === 'ok')).toBe(true);
      expect(answered).toBe(60);
      wait(closing);
      until(() => client.stats.open === 0);
    });
  });
});

describe('a connection', () => {
  it('that ends fails its requests, and the next one opens another', async () => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => {
        if (nth === 2) peer.head(1, 0).data(1, 'part').socket.close();
        if (nth > 2) peer.head(stream);
      });
      using client = clientOf(server.url);
      const [first, second] = [spawn(() => client.request('/', { method: 'POST' }).text()), spawn(() => client.request('/', { method: 'POST' }).text())];
      second.then(undefined, () => undefined);
      expect(thrown(() => first.join()).code).toMatch(/^(ERR_HTTP_CLIENT_TRUNCATED|ECONNRESET)$/);
      expect(thrown(() => second.join()).code).toMatch(/^(ERR_HTTP_CLIENT_CLOSED|ECONNRESET)$/);
      expect(client.stats).toEqual({ open: 0, idle: 0, waiting: 0 });
      expect(client.request('/').status).toBe(200);
    });
  });

  it('that ends while a repeatable request is on its way is replaced', async () => {
    await spawn(() => {
      using server = answering((peer, stream, nth) => { if (nth === 2) peer.socket.close(); else peer.head(stream); });
      using client = clientOf(server.url);
      client.request('/');
      expect(client.request('/').status).toBe(200);
      expect(server.peers).toHaveLength(2);
    });
  });

  it('that is idle is closed, with a GOAWAY, and does not keep the others from it', async () => {
    await spawn(() => {
      using server = answering((peer, stream) => { peer.head(stream); });
      using client = new Client({ origin: server.url, http2: 'prior-knowledge', idleTimeout: 20 });
      client.request('/');
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
      until(() => client.stats.open === 0);
      until(() => server.peers[0]!.of(Type.goaway).length === 1);
      expect(client.request('/').status).toBe(200);
      expect(server.peers).toHaveLength(2);
    });
  });

  it('of a client that is closed ends behind its last request', async () => {
    await spawn(() => {
      const held: (() => void)[] = [];
      using server = answering((peer, stream) => { held.push(() => peer.head(stream)); });
      const client = clientOf(server.url);
      const asking = spawn(() => client.request('/').status);
      until(() => held.length === 1);
      client.close();
      expect(client.stats.open).toBe(1);
      expect(thrown(() => client.request('/')).code).toBe('ERR_HTTP_CLIENT_ENDED');
      held[0]!();
      expect(asking.join()).toBe(200);
      expect(client.stats.open).toBe(0);
    });
  });

  it('to a server that is silent is pinged, and given up without an answer', async () => {
    await spawn(() => {
      let deaf = false;
      using server = frameServer((peer, { type, flags, payload, stream }) => {
        if (type === Type.ping && !(flags & 1) && !deaf) peer.send(frame(Type.ping, 1, 0, payload));
        if (type === Type.ping && peer.of(Type.ping).length === 3 && !deaf) {
          deaf = true;
          peer.head(stream === 0 ? 1 : stream);
        }
      });
      using client = clientOf(server.url, { pingAfter: 15 });
      // Three PINGs that are answered, and then the answer.
      expect(client.request('/', { method: 'POST' }).status).toBe(200);
      const [first, second] = [spawn(() => client.request('/', { method: 'POST' })), spawn(() => client.request('/', { method: 'POST' }))];
      second.then(undefined, () => undefined);
      for (const one of [first, second]) {
        const error = thrown(() => one.join());
        expect([error.code, error.message]).toEqual(['ERR_HTTP_CLIENT_PING_TIMEOUT', `${server.url} is silent, and does not answer a PING`]);
      }
      expect(client.stats.open).toBe(0);
    });
  });
});

it('a connection does not keep the async context of its first request', async () => {
  const storage = new AsyncLocalStorage<object>();
  const server = start(() => 'x', { http2: true });
  const client = clientOf(url(server));
  const kept = await spawn(() => {
    const store = { of: 'the first' };
    storage.run(store, () => client.request('/').text());
    return new WeakRef(store);
  });
  await spawn(() => {
    until(() => {
      gc();
      return kept.deref() === undefined;
    });
    expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
  });
  client.close();
});

it('a request keeps the process alive, and an idle connection does not', async () => {
  const server = start(() => { sleep(100); return 'slow'; }, { http2: true });
  const { exit, stdout } = await runChild('http2_client_exit.mjs', [url(server)], { timeoutMs: 30_000 });
  expect([exit, stdout]).toEqual([0, 'slow 1\n']);
});
