// Streams of one connection: how many, and who waits for whom.
import { describe, expect, it } from 'vitest';
import { sleep, spawn } from 'stackful';
import { Client } from 'stackful/http/client';

import { start, url } from '../../helpers.js';
import { parkedIn, until } from '../peers.js';
import { answering, END_STREAM, frame, frameServer, nodeServer, Type, uint32 } from './peers.js';

const MAX_CONCURRENT = 3;
const INITIAL_WINDOW = 4;

describe('streams at a time', () => {
  it('are as many as the server takes, and then another connection is opened', async () => {
    await spawn(() => {
      let most = 0;
      const busy = new Map<unknown, number>();
      using server = answering((peer, stream) => {
        const now = (busy.get(peer) ?? 0) + 1;
        busy.set(peer, now);
        most = Math.max(most, now);
        spawn(() => {
          sleep(3);
          busy.set(peer, busy.get(peer)! - 1);
          peer.head(stream);
        }).then(undefined, () => undefined);
      }, [MAX_CONCURRENT, 4]);
      using client = new Client({ origin: server.url, http2: 'prior-knowledge' });
      client.request('/');
      const all = Array.from({ length: 40 }, () => spawn(() => client.request('/').status));
      expect(all.every((one) => one.join() === 200)).toBe(true);
      expect(most).toBe(4);
      expect(server.peers.length).toBeGreaterThan(1);
    });
  });

  it('with one connection, further requests wait in order', async () => {
    await spawn(() => {
      const waiting: (() => void)[] = [];
      using server = answering((peer, stream) => { waiting.push(() => peer.head(stream)); }, [MAX_CONCURRENT, 2]);
      using client = new Client({ origin: server.url, http2: 'prior-knowledge', connections: 1 });
      const first = spawn(() => client.request('/').status);
      until(() => waiting.length === 1);
      waiting.shift()!();
      first.join();
      const order: number[] = [];
      const all = Array.from({ length: 6 }, (_, i) => spawn(() => { client.request(`/${i}`); order.push(i); }));
      until(() => client.stats.waiting === 4 && waiting.length === 2);
      expect(client.stats).toMatchObject({ open: 1, waiting: 4 });
      while (order.length < 6) {
        until(() => waiting.length > 0);
        waiting.shift()!();
        sleep(1);
      }
      for (const one of all) one.join();
      expect(order).toEqual([0, 1, 2, 3, 4, 5]);
      expect(server.peers).toHaveLength(1);
    });
  });

  it('a request that waits for a stream can be cancelled', async () => {
    await spawn(() => {
      const held: (() => void)[] = [];
      using server = answering((peer, stream, nth) => {
        if (nth === 1) peer.head(stream);
        else held.push(() => peer.head(stream));
      }, [MAX_CONCURRENT, 1]);
      using client = new Client({ origin: server.url, http2: 'prior-knowledge', connections: 1 });
      client.request('/');
      const holder = spawn(() => client.request('/').status);
      const waiter = spawn(() => client.request('/').status);
      const last = spawn(() => client.request('/').status);
      parkedIn(last, 'a connection');
      waiter.cancel();
      waiter.then(undefined, () => undefined);
      until(() => held.length === 1);
      held.shift()!();
      expect(holder.join()).toBe(200);
      until(() => held.length === 1);
      held.shift()!();
      expect(last.join()).toBe(200);
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('requests that come while the first connection is made wait for it; its failure is theirs', async () => {
    const server = start(() => 'x', { http2: true });
    const port = server.port;
    await spawn(() => {
      using client = new Client({ origin: url(server), http2: 'prior-knowledge' });
      const all = Array.from({ length: 20 }, () => spawn(() => client.request('/').text()));
      expect(all.map((one) => one.join()).join('')).toBe('x'.repeat(20));
      expect(client.stats.open).toBe(1);
    });
    await server.close();
    await spawn(() => {
      using client = new Client({ origin: `http://127.0.0.1:${port}`, http2: 'prior-knowledge' });
      const all = Array.from({ length: 5 }, () => spawn(() => {
        try {
          client.request('/');
        } catch (error) {
          return (error as NodeJS.ErrnoException).code;
        }
      }));
      expect(all.map((one) => one.join())).toEqual(Array(5).fill('ECONNREFUSED'));
      expect(client.stats).toEqual({ open: 0, idle: 0, waiting: 0 });
    });
  });
});

describe('flow control', () => {
  it('an answer that is not read holds up no other one', async () => {
    const size = 5_000_000;
    const server = start((request) => (request.path === '/large' ? { body: Buffer.alloc(size) } : 'small'), { http2: true });
    await spawn(() => {
      using client = new Client({ origin: url(server), http2: 'prior-knowledge' });
      const slow = Array.from({ length: 5 }, () => client.request('/large'));
      for (let i = 0; i < 20; i++) expect(client.request('/small').text()).toBe('small');
      expect(client.request('/large').bytes()).toHaveLength(size);
      for (const response of slow) expect(response.bytes()).toHaveLength(size);
      expect(client.stats).toEqual({ open: 1, idle: 1, waiting: 0 });
    });
  });

  it('a server sends no more than the window ahead of the reader', async () => {
    let sent = 0;
    const { url: origin } = await nodeServer((stream) => {
      // With a length: Node may leave the end out when the window is used up.
      stream.respond({ ':status': 200, 'content-length': 3_000_000 });
      const write = (): void => {
        while (sent < 3_000_000) {
          sent += 10_000;
          if (!stream.write(Buffer.alloc(10_000))) return void stream.once('drain', write);
        }
        stream.end();
      };
      write();
    });
    await spawn(() => {
      using client = new Client({ origin, http2: { priorKnowledge: true, streamWindow: 100_000 } });
      const response = client.request('/');
      let before = -1;
      while (sent !== before) {
        before = sent;
        sleep(30);
      }
      expect(sent).toBeLessThan(500_000);
      expect(response.bytes()).toHaveLength(3_000_000);
    });
  });

  it('a body waits for the server to take it', async () => {
    await spawn(() => {
      let given = 0;
      let received = 0;
      using server = frameServer((peer, { type, flags, stream, payload }) => {
        if (type === Type.headers && flags & END_STREAM) peer.head(stream);
        if (type !== Type.data) return;
        received += payload.length;
        if (flags & END_STREAM) peer.head(stream);
      }, [INITIAL_WINDOW, 20_000]);
      using client = new Client({ origin: server.url, http2: 'prior-knowledge' });
      // Before it knows the server's settings, it may send 65535 bytes.
      client.request('/');
      function* body(): Generator<Buffer> {
        for (; given < 100; given++) yield Buffer.alloc(10_000);
      }
      const asking = spawn(() => client.request('/', { body: body() }).status);
      // The connection's window is the smaller one at first; 64 KiB wait on this side.
      until(() => received >= 20_000 && given >= 6);
      sleep(20);
      expect(given).toBeLessThan(12);
      expect(received).toBe(20_000);
      const [peer] = server.peers;
      peer!.send(...[0, 3].map((stream) => frame(Type.window, 0, stream, uint32(1_000_000))));
      expect(asking.join()).toBe(200);
      expect(received).toBe(1_000_000);
    });
  });
});
