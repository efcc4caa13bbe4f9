// Broadcasts: who gets what, in which order, and what becomes of slow clients.
import { describe, expect, it } from 'vitest';
import { deflateRawSync, constants } from 'node:zlib';

import { sleep, spawn } from 'stackful';
import { connect as connectSocket } from 'stackful/net';
import { broadcast, connect, Group, type WebSocket } from 'stackful/websocket';

import { openFilesLimit } from '../support/limits.js';
import { HEAD, RawClient, served } from './peers.js';

/** A server that only holds sockets, with `count` of them when the test begins. */
function holding(options: Parameters<typeof served>[1] = {}) {
  const room = new Group();
  const server = served((socket) => {
    room.add(socket);
    while (socket.receive() !== null);
  }, { closeTimeout: 50, ...options });
  return { room, server, url: `ws://127.0.0.1:${server.port}/`, join: (count: number) => { while (room.size < count) sleep(1); } };
}

describe('broadcast', () => {
  it('reaches all that are open but the one that is left out, as text and as bytes', async () => {
    const { room, url, join } = holding();
    await spawn(() => {
      const clients = Array.from({ length: 20 }, () => connect(url));
      join(20);
      const [first] = room;
      clients[0]!.close();
      while (first!.state !== 'closed') sleep(1);
      const second = [...room][1]!;
      expect(room.broadcast('grüße')).toBe(19);
      expect(room.size).toBe(19);
      expect(room.broadcast(Buffer.from([1, 2]), { except: second })).toBe(18);
      expect(broadcast([second, second], 'twice')).toBe(2);
      for (const client of clients.slice(1)) expect(client.receive()).toBe('grüße');
      expect([clients[1]!.receive(), clients[1]!.receive()]).toEqual(['twice', 'twice']);
      for (const client of clients.slice(2)) expect(client.receive()).toEqual(Buffer.from([1, 2]));
    });
  });

  it('compresses once for those that have agreed, with the window of each', async () => {
    const { room, server, join } = holding({ compression: { threshold: 10 } });
    const offers = ['', 'Sec-WebSocket-Extensions: permessage-deflate\r\n', 'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n'];
    const peers = [];
    for (const offer of offers) peers.push(await RawClient.to(server, offer));
    const text = 'again and again and again';
    await spawn(() => {
      join(3);
      expect([room.broadcast(text), room.broadcast('short')]).toEqual([3, 3]);
    });
    const packed = (windowBits: number) => deflateRawSync(text, { level: 3, windowBits, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4).toString();
    for (const peer of peers) peer.head();
    expect(await Promise.all(peers.map((peer) => peer.next(2)))).toEqual([
      [`text ${text}`, 'text short'], [`text ${packed(15)} rsv4`, 'text short'], [`text ${packed(9)} rsv4`, 'text short'],
    ]);
  });

  it('works from clients, whose frames have masks', async () => {
    const got: unknown[] = [];
    const server = served((socket) => { got.push(socket.receive()); });
    await spawn(() => {
      const clients = [1, 2].map(() => connect(`ws://127.0.0.1:${server.port}/`));
      expect(broadcast(clients, 'hello')).toBe(2);
      for (const client of clients) expect(client.receive()).toBe(null);
    });
    expect(got).toEqual(['hello', 'hello']);
  });

  it('keeps the order of broadcasts and sends of one coroutine, long and short, fast and slow', async () => {
    const { room, url, join } = holding({ maxMessageBytes: 1e7 });
    await spawn(() => {
      const client = connect(url, { maxMessageBytes: 1e8 });
      join(1);
      const [socket] = room;
      const sizes = [10, 20_000, 30, 5_000_000, 40, 16_000, 16_000, 50, 9_000_000, 1];
      const sender = spawn(() => {
        for (const [i, size] of sizes.entries()) {
          if (i % 3 === 2) socket!.send('x'.repeat(size));
          else room.broadcast('x'.repeat(size), { maxBufferedBytes: 1e9 });
        }
      });
      expect(sizes.map(() => client.receive()!.length)).toEqual(sizes);
      sender.join();
      expect(socket!.bufferedBytes).toBe(0);
    });
  });

  it.each(['close', 'skip'] as const)('does not wait for a client that does not read, and bounds what waits for it: %s', async (slow) => {
    const { room, server, url, join } = holding();
    await spawn(() => {
      using deaf = connectSocket({ port: server.port, host: '127.0.0.1' });
      deaf.write(`${HEAD}\r\n`);
      join(1);
      const [stuck] = room;
      const quick = connect(url);
      join(2);
      const reader = spawn(() => {
        let count = 0;
        for (const message of quick) if (message === 'end') return count;
        else count++;
        return count;
      });
      let reached = 2;
      let sent = 0;
      const message = Buffer.alloc(100_000);
      while (reached === 2) {
        reached = room.broadcast(message, { slow, maxBufferedBytes: 500_000 });
        sent++;
        expect(stuck!.bufferedBytes).toBeLessThan(700_000);
        sleep(0);
      }
      room.broadcast('end', { slow });
      expect(reader.join()).toBe(sent);
      if (slow === 'close') {
        while (stuck!.state !== 'closed') sleep(1);
        expect(room.broadcast('now')).toBe(1);
      } else {
        expect(stuck!.state).toBe('open');
        // It reads on: what was put off for it comes whole.
        const counted = spawn(() => { while (deaf.read()); });
        while (stuck!.bufferedBytes > 0) sleep(1);
        expect(room.broadcast('now')).toBe(2);
        quick.close();
        stuck!.terminate();
        counted.join();
      }
    });
  });

  it('refuses what is no message, and unknown options', async () => {
    await spawn(() => {
      const codes = [() => broadcast([], 5 as never), () => broadcast([], '', { excep: 1 } as never), () => broadcast([], '', { slow: 'wait' as never })].map((call) => {
        try {
          return call();
        } catch (error) {
          return (error as { code: string }).code;
        }
      });
      expect(codes).toEqual(['ERR_INVALID_ARG_TYPE', 'ERR_UNKNOWN_OPTION', 'ERR_INVALID_ARG_VALUE']);
    });
    expect(() => broadcast([], 'x')).toThrow(expect.objectContaining({ code: 'ERR_NOT_IN_COROUTINE' }));
  });

  it.skipIf(openFilesLimit() < 21_000)('reaches 10,000 clients (skipped where descriptors are too few)', async () => {
    const COUNT = 10_000;
    const { room, server, join } = holding();
    await spawn(() => {
      const clients: ReturnType<typeof connectSocket>[] = [];
      for (let i = 0; i < COUNT; i++) {
        const client = connectSocket({ port: server.port, host: '127.0.0.1' });
        client.write(`${HEAD}\r\n`);
        clients.push(client);
      }
      join(COUNT);
      for (const client of clients) client.readUntil('\r\n\r\n');
      for (const text of ['one', 'two', 'three']) expect(room.broadcast(text)).toBe(COUNT);
      for (const client of clients) {
        expect(client.readExactly(17).toString('latin1')).toBe('\x81\x03one\x81\x03two\x81\x05three');
        client.close();
      }
    });
  });
});

it('a group holds each socket once', async () => {
  const { room, url, join } = holding();
  await spawn(() => {
    connect(url);
    join(1);
    const [socket] = room as Iterable<WebSocket>;
    const other = new Group(room).add(socket!);
    expect([other.size, other.has(socket!), other.delete(socket!), other.delete(socket!), other.size, [...other]]).toEqual([1, true, true, false, 0, []]);
  });
});
