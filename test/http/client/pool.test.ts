import { describe, expect, it } from 'vitest';
import { sleep, spawn, timeout, withSignal } from 'stackful';
import { Client, request } from 'stackful/http/client';
import { listen } from 'stackful/net';

import { ok, parkedIn, rawServer, thrown, until } from './peers.js';

const NONE = { open: 0, idle: 0, waiting: 0 };

describe('connections', () => {
  it('are kept, and requests beyond their number wait in order', async () => {
    await spawn(() => {
      const order: string[] = [];
      let go = false;
      using server = rawServer((socket, head) => {
        until(() => go);
        socket.write(ok(/\/(\d+)/.exec(head)![1]!));
      });
      using client = new Client({ origin: server.url, connections: 2 });
      const all = Array.from({ length: 8 }, (_, i) => spawn(() => { order.push(client.request(`/${i}`).text()); }));
      until(() => client.stats.waiting === 6);
      expect(client.stats).toMatchObject({ open: 2, idle: 0 });
      go = true;
      for (const one of all) one.join();
      // The two that go first may change places, and so may each two behind them.
      expect(order.every((name, i) => Math.abs(Number(name) - i) <= 1)).toBe(true);
      expect(server.accepted).toBe(2);
      expect(client.stats).toEqual({ open: 2, idle: 2, waiting: 0 });
    });
  });

  it('of a body that is not read to its end are closed: break, using, discard', async () => {
    await spawn(() => {
      using server = rawServer((socket) => { socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n${'x'.repeat(100_000)}`); });
      using client = new Client({ origin: server.url });
      for (const _ of client.request('/').body) break;
      expect(client.stats).toEqual(NONE);
      {
        using response = client.request('/');
        expect(response.status).toBe(200);
      }
      expect(client.stats).toEqual(NONE);
      const { body } = client.request('/');
      body.discard();
      expect(client.stats).toEqual(NONE);
      expect(thrown(() => body.text()).code).toBe('ERR_HTTP_CLIENT_BODY_IN_USE');
    });
  });

  it('are kept when the rest of a small body is discarded', async () => {
    await spawn(() => {
      using server = rawServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
        sleep(2);
        socket.write('world');
      });
      using client = new Client({ origin: server.url });
      client.request('/').body.discard();
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('that the server has ended are noticed before they are used', async () => {
    await spawn(() => {
      using server = rawServer((socket) => (socket.write(ok('x')), false));
      using client = new Client({ origin: server.url });
      for (let i = 0; i < 3; i++) {
        // Not idempotent, so it is never sent twice.
        expect(client.request('/', { method: 'POST', body: 'x' }).text()).toBe('x');
        until(() => server.open === 0);
        sleep(2);
      }
      expect(server.heads).toHaveLength(3);
    });
  });

  it('that end while a request is on its way: it is repeated if that is safe', async () => {
    await spawn(() => {
      let ends = 0;
      using server = rawServer((socket, head, nth) => {
        // Only the first request of each connection is answered.
        if (nth > 1 && ends++ % 2 === 0) return false;
        socket.write(ok(head.split(' ')[0]!));
        return undefined;
      });
      using client = new Client({ origin: server.url });
      expect(client.request('/').text()).toBe('GET');
      expect(client.request('/', { method: 'PUT', body: 'again' }).text()).toBe('PUT');
      expect(server.accepted).toBe(2);
      ends = 0;
      expect(thrown(() => client.request('/', { method: 'POST', body: 'once' })).code).toMatch(/ERR_HTTP_CLIENT_CLOSED|ECONNRESET/);
      expect(server.heads.filter((head) => head.includes('POST /'))).toHaveLength(1);
      expect(client.stats).toEqual(NONE);
    });
  });

  it('that are new and end without an answer are an error, and repeated only if asked for', async () => {
    await spawn(() => {
      using server = rawServer((socket, _head, nth) => (nth % 3 === 0 ? socket.write(ok('x')) : false));
      using client = new Client({ origin: server.url });
      expect(thrown(() => client.request('/')).code).toBe('ERR_HTTP_CLIENT_CLOSED');
      expect(client.request('/', { retries: { limit: 3, delay: 1 } }).text()).toBe('x');
      expect(server.heads).toHaveLength(3);
      expect(thrown(() => client.request('/', { retries: 3, method: 'POST', body: 'x' })).code).toMatch(/ERR_HTTP_CLIENT_CLOSED|ECONNRESET/);
      expect(server.heads).toHaveLength(4);
    });
  });

  it('are closed when they have been idle for long', async () => {
    await spawn(() => {
      using server = rawServer((socket) => { socket.write(ok('x')); });
      using client = new Client({ origin: server.url, idleTimeout: 20 });
      expect(client.request('/').text()).toBe('x');
      expect(client.stats.idle).toBe(1);
      until(() => client.stats.open === 0);
    });
  });

  it('are closed with the client; those in use when their request is over', async () => {
    await spawn(() => {
      using server = rawServer((socket, head) => {
        if (head.includes('/slow')) until(() => go);
        socket.write(ok('x'));
      });
      let go = false;
      const client = new Client({ origin: server.url, connections: 1 });
      const slow = spawn(() => client.request('/slow').text());
      parkedIn(slow, 'socket.read');
      const waiting = spawn(() => thrown(() => client.request('/')).code as string);
      until(() => client.stats.waiting === 1);
      client.close();
      expect(waiting.join()).toBe('ERR_HTTP_CLIENT_ENDED');
      go = true;
      expect(slow.join()).toBe('x');
      until(() => client.stats.open === 0);
      expect(thrown(() => client.request('/')).code).toBe('ERR_HTTP_CLIENT_ENDED');
    });
  });
});

describe('a call that ends early', () => {
  /** A server that stops at a stage of its answer. */
  const stages: [stage: string, said: string][] = [
    ['before the head', ''],
    ['in the head', 'HTTP/1.1 200 OK\r\nCont'],
    ['behind an informational head', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['in the body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhe'],
    ['in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe'],
    ['in a trailer', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: '],
  ];

  it.each(stages)('%s closes its connection, which nothing else uses', async (_stage, said) => {
    await spawn(() => {
      using server = rawServer((socket, head) => {
        socket.write(head.includes('/stop') ? said : ok('x'));
      });
      using client = new Client({ origin: server.url, connections: 1 });
      const read = () => client.request('/stop').text();

      const cancelled = spawn(read);
      parkedIn(cancelled, 'socket.read');
      sleep(2);
      cancelled.cancel();
      expect(thrown(() => cancelled.join()).code).toBe('ERR_CANCELLED');
      expect(client.stats).toEqual(NONE);

      expect(thrown(() => timeout(20, read)).code).toBe('ERR_TIMEOUT');
      expect(client.stats).toEqual(NONE);

      const controller = new AbortController();
      const signalled = spawn(() => thrown(() => withSignal(controller.signal, read)) as unknown);
      parkedIn(signalled, 'socket.read');
      controller.abort('reason');
      expect(signalled.join()).toBe('reason');
      expect(client.stats).toEqual(NONE);

      const times = { headersTimeout: 20, bodyTimeout: 20 };
      const own = thrown(() => client.request('/stop', times).text());
      expect(own.code).toMatch(/^ERR_HTTP_CLIENT_(HEADERS|BODY)_TIMEOUT$/);
      expect(client.stats).toEqual(NONE);

      expect(client.request('/').text()).toBe('x');
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('while it waits for a connection gives up its place in the queue', async () => {
    await spawn(() => {
      let go = false;
      using server = rawServer((socket) => {
        until(() => go);
        socket.write(ok('x'));
      });
      using client = new Client({ origin: server.url, connections: 1 });
      const first = spawn(() => client.request('/').text());
      parkedIn(first, 'socket.read');
      const second = spawn(() => client.request('/').text());
      const third = spawn(() => client.request('/').text());
      until(() => client.stats.waiting === 2);
      expect(second.parkedOn).toContain('request: a connection');
      second.cancel();
      expect(thrown(() => second.join()).code).toBe('ERR_CANCELLED');
      expect(thrown(() => timeout(5, () => client.request('/'))).code).toBe('ERR_TIMEOUT');
      expect(client.stats.waiting).toBe(1);
      go = true;
      expect([first.join(), third.join()]).toEqual(['x', 'x']);
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('while it connects', async () => {
    await spawn(() => {
      // A listener of TLS that says nothing: the handshake waits.
      using listener = listen({ host: '127.0.0.1', port: 0 });
      using client = new Client({ connectTimeout: 30 });
      const url = `https://127.0.0.1:${listener.address.port}/`;
      expect(thrown(() => client.request(url)).code).toBe('ERR_HTTP_CLIENT_CONNECT_TIMEOUT');
      expect(client.stats).toEqual(NONE);
      using patient = new Client();
      const dialling = spawn(() => patient.request(url));
      until(() => patient.stats.open === 1);
      sleep(5);
      dialling.cancel();
      expect(thrown(() => dialling.join()).code).toBe('ERR_CANCELLED');
      expect(patient.stats).toEqual(NONE);
    });
  });

  it('while it sends', async () => {
    await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0 });
      using client = new Client();
      const url = `http://127.0.0.1:${listener.address.port}/`;
      const sending = spawn(() => client.request(url, { body: Buffer.alloc(50_000_000) }));
      const peer = listener.accept();
      peer.read(1000);
      sending.cancel();
      expect(thrown(() => sending.join()).code).toBe('ERR_CANCELLED');
      expect(client.stats).toEqual(NONE);
      // The rest of what was on its way, and the end.
      while (readSome(peer));
      peer.close();
    });
  });

  it('frees the place of a connection that cannot be made', async () => {
    await spawn(() => {
      const listener = listen({ host: '127.0.0.1', port: 0 });
      const { port } = listener.address;
      listener.close();
      using client = new Client({ connections: 1 });
      for (let i = 0; i < 3; i++) expect(thrown(() => client.request(`http://127.0.0.1:${port}/`)).code).toBe('ECONNREFUSED');
      expect(client.stats).toEqual(NONE);
    });
  });
});

/** False at the end, however that comes. */
function readSome(peer: { read(): Buffer | null }): boolean {
  try {
    return peer.read() !== null;
  } catch {
    return false;
  }
}

it('is told where it cannot wait, and what it does not know', async () => {
  expect(thrown(() => request('http://127.0.0.1:1/')).code).toBe('ERR_NOT_IN_COROUTINE');
  await spawn(() => {
    const url = 'http://127.0.0.1:1/';
    for (const [options, code] of [
      [{ metod: 'GET' }, 'ERR_UNKNOWN_OPTION'],
      [{ method: 'G ET' }, 'ERR_INVALID_ARG_VALUE'],
      [{ method: 'CONNECT' }, 'ERR_INVALID_ARG_VALUE'],
      [{ headers: { 'a b': 'c' } }, 'ERR_INVALID_HTTP_TOKEN'],
      [{ headers: { a: 'b\r\nc: d' } }, 'ERR_INVALID_CHAR'],
      [{ headers: { 'Transfer-Encoding': 'chunked' } }, 'ERR_HTTP_FORBIDDEN_HEADER'],
      [{ headers: { 'Content-Length': '5' }, body: 'x' }, 'ERR_HTTP_CLIENT_BODY_LENGTH'],
      [{ headers: [['Host', 'a'], ['host', 'b']] }, 'ERR_INVALID_CHAR'],
      [{ body: 5 }, 'ERR_INVALID_ARG_TYPE'],
      [{ body: 'x', json: 1 }, 'ERR_INVALID_ARG_TYPE'],
      [{ redirects: -1 }, 'ERR_OUT_OF_RANGE'],
      [{ headersTimeout: 0 }, 'ERR_OUT_OF_RANGE'],
      [{ upgrade: 'a b' }, 'ERR_INVALID_ARG_VALUE'],
    ] as const) {
      expect([options, thrown(() => request(url, options as never)).code]).toEqual([options, code]);
    }
    expect(thrown(() => request('ftp://127.0.0.1/')).code).toBe('ERR_INVALID_ARG_VALUE');
    expect(thrown(() => request('/path')).code).toBe('ERR_INVALID_URL');
    expect(thrown(() => new Client({ origins: 'x' } as never)).code).toBe('ERR_UNKNOWN_OPTION');
    using client = new Client({ origin: url });
    for (const path of ['/a b', '/a\r\nX: y', '/a#b', '/é']) {
      expect(thrown(() => client.request(path)).code).toBe('ERR_INVALID_ARG_VALUE');
    }
  });
});
