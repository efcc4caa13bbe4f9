// Messages that are lent: valid until the next one is asked for, and never with another one's bytes.
import { describe, expect, it } from 'vitest';

import { sleep, spawn, yieldNow } from 'stackful';
import { broadcast, connect, type WebSocket } from 'stackful/websocket';

import { BINARY, closing, CLOSE, CONTINUATION, echo, frame, PING, RawClient, served } from './peers.js';
import { open, overHttp2, ready } from './streams.js';

const KIB = 1024;
/** Messages that are told apart by each of their bytes. */
const numbered = (n: number, size = 16 * KIB) => Buffer.alloc(size, n + 1);
const same = (message: unknown, n: number, size = 16 * KIB) => (message as Buffer).equals(numbered(n, size));

/** Runs `handler` on a server's socket that lends, while `client` speaks to it; both have ended when it returns. */
async function conversation(handler: (socket: WebSocket) => unknown, client: (socket: WebSocket) => unknown, options = {}): Promise<void> {
  const server = served(handler, { borrow: true, maxMessageBytes: 8 * KIB * KIB, ...options });
  await spawn(() => {
    using socket = connect(`ws://127.0.0.1:${server.port}/`, { maxMessageBytes: 8 * KIB * KIB, ...options });
    client(socket);
  });
  await server.close();
  expect(server.errors).toEqual([]);
}

const receiveBytes = (socket: WebSocket) => socket.receive() as Buffer;

describe('a message that is lent', () => {
  it.each([5 * KIB, 16 * KIB, 300 * KIB])('of %i bytes is whole until the next is asked for, and then empty, its views too', async (size) => {
    const seen: unknown[] = [];
    await conversation((socket) => {
      const first = receiveBytes(socket);
      const [view, words] = [first.subarray(10), new Uint16Array(first.buffer, first.byteOffset, 5)];
      sleep(5);
      seen.push(same(first, 0, size), view.length);
      const second = receiveBytes(socket);
      seen.push(first.length, view.length, view[0], words.length, same(second, 1, size));
      socket.receive();
      seen.push(second.length);
    }, (socket) => {
      socket.send(numbered(0, size));
      socket.send(numbered(1, size));
    });
    expect(seen).toEqual([true, size - 10, 0, 0, undefined, 0, true, 0]);
  });

  it('is none of 4 KiB or less, no text, and none that came compressed: those stay', async () => {
    const kept: (string | Buffer)[] = [];
    const sent = [numbered(0, 4 * KIB), 'x'.repeat(20_000), Buffer.alloc(0), numbered(1, 100)];
    await conversation((socket) => { kept.push(...socket); }, (socket) => { for (const message of sent) socket.send(message); });
    await conversation((socket) => { kept.push(...socket); }, (socket) => { socket.send(numbered(2)); }, { compression: true });
    expect(kept).toEqual([...sent, numbered(2)]);
  });

  it('is given for good without the option', async () => {
    const kept: (string | Buffer)[] = [];
    await conversation((socket) => { kept.push(...socket); }, (socket) => { for (let n = 0; n < 3; n++) socket.send(numbered(n)); }, { borrow: false });
    expect(kept).toEqual([0, 1, 2].map((n) => numbered(n)));
    expect(() => connect('ws://127.0.0.1:1/', { borrow: 1 as never })).toThrow(TypeError);
  });

  it('is the last receiver\'s when another coroutine asks for the next one', async () => {
    const lengths: number[] = [];
    await conversation((socket) => {
      const first = receiveBytes(socket);
      const other = spawn(() => receiveBytes(socket).length);
      sleep(5);
      lengths.push(first.length);
      lengths.push(other.join());
    }, (socket) => {
      socket.send(numbered(0));
      sleep(10);
      socket.send(numbered(1));
    });
    expect(lengths).toEqual([0, 16 * KIB]);
  });

  it('stays when its socket is closed or terminated while it is out, whatever others receive', async () => {
    const kept: Buffer[] = [];
    for (const last of ['terminate', 'over'] as const) {
      const server = served((socket) => {
        kept.push(receiveBytes(socket));
        if (last === 'terminate') socket.terminate();
      }, { borrow: true });
      await spawn(() => {
        const socket = connect(`ws://127.0.0.1:${server.port}/`);
        socket.send(numbered(kept.length));
        try { socket.receive(); } catch { /* Terminated. */ }
      });
      await server.close();
    }
    await conversation(echo, (socket) => {
      for (let n = 0; n < 20; n++) {
        socket.send(numbered(50));
        socket.receive();
      }
    });
    // A message's end is not another request for one: the close of a handler that is over asks.
    expect(kept.map((message, n) => message.length === 0 || same(message, n))).toEqual([true, true]);
    expect(kept[0]!.length).toBe(16 * KIB);
  });

  it('can be transferred: the new owner keeps it', async () => {
    const kept: ArrayBuffer[] = [];
    await conversation((socket) => {
      for (const message of socket) {
        const { buffer } = message as Buffer<ArrayBuffer>;
        kept.push(structuredClone(buffer, { transfer: [buffer] }));
        socket.send('next');
      }
    }, (socket) => {
      for (let n = 0; n < 5; n++) {
        socket.send(numbered(n));
        socket.receive();
      }
    });
    expect(kept.map((memory, n) => same(Buffer.from(memory, 0, 16 * KIB), n))).toEqual(Array(5).fill(true));
  });
});

describe('a message that is sent on while the next is received', () => {
  const COUNT = 12;
  const SIZE = 512 * KIB;

  /** Answers each message from a coroutine of its own, so that sends are parked while later messages come. */
  const answerAll = (socket: WebSocket) => {
    const sends = [];
    for (const message of socket) {
      sends.push(spawn(() => { socket.send(message); }));
      // The send has begun then.
      yieldNow();
      if (sends.length === COUNT) break;
    }
    for (const send of sends) send.join();
    socket.receive();
  };

  it('goes out whole although it waits for room', async () => {
    const got: boolean[] = [];
    await conversation(answerAll, (socket) => {
      for (let n = 0; n < COUNT; n++) socket.send(numbered(n, SIZE));
      sleep(20);
      for (let n = 0; n < COUNT; n++) {
        const message = receiveBytes(socket);
        got.push(message.every((byte) => byte === message[0]!) && message.length === SIZE);
      }
    });
    expect(got).toEqual(Array(COUNT).fill(true));
  });

  it('goes out whole although it waits for another message in pieces', async () => {
    const got: unknown[] = [];
    await conversation((socket) => {
      const first = receiveBytes(socket);
      const pieces = function* () { yield 'a'; sleep(20); yield 'b'; };
      spawn(() => { socket.send(pieces()); });
      const waiting = spawn(() => { socket.send(first); });
      sleep(2);
      receiveBytes(socket);
      waiting.join();
    }, (socket) => {
      socket.send(numbered(0));
      socket.send(numbered(1));
      got.push(socket.receive(), same(socket.receive(), 0));
    });
    expect(got).toEqual(['ab', true]);
  });

  it('goes out whole although another thread compresses it', async () => {
    const got: boolean[] = [];
    const size = 64 * KIB;
    // It comes as it is, and goes out compressed.
    const server = served((socket) => {
      const sends = [];
      for (let n = 0; n < 4; n++) {
        const message = receiveBytes(socket);
        sends.push(spawn(() => { socket.send(message, { compress: true }); }));
        yieldNow();
      }
      for (const send of sends) send.join();
      broadcastLast(socket);
    }, { borrow: true, compression: true });
    const broadcastLast = (socket: WebSocket) => {
      const message = receiveBytes(socket);
      const sending = spawn(() => broadcast([socket], message));
      yieldNow();
      socket.receive();
      sending.join();
    };
    await spawn(() => {
      using socket = connect(`ws://127.0.0.1:${server.port}/`, { compression: true });
      for (let n = 0; n < 6; n++) socket.send(numbered(n, size), { compress: false });
      const firsts = Array.from({ length: 5 }, () => receiveBytes(socket));
      got.push(...firsts.map((message) => message.length === size && message.every((byte) => byte === message[0]!)));
      expect(new Set(firsts.map((message) => message[0])).size).toBe(5);
    });
    await server.close();
    expect([got, server.errors]).toEqual([Array(5).fill(true), []]);
  });
});

describe('a server that lends', () => {
  const long = numbered(0, 20 * KIB);
  const sent = [
    frame(BINARY, long), frame(BINARY, long.subarray(0, 7000), { fin: false }), frame(PING, 'p'), frame(CONTINUATION, long.subarray(7000)),
    frame(BINARY, numbered(1, 100)), frame(CLOSE, closing(1000)),
  ];
  const answers = [`binary ${long.toString('hex')}`, 'pong p', `binary ${long.toString('hex')}`, `binary ${numbered(1, 100).toString('hex')}`, 'close 1000'];

  it('answers messages in fragments, with pings between them', async () => {
    const server = served(echo, { borrow: true });
    const client = await RawClient.to(server);
    client.head();
    client.send(...sent);
    expect(await client.rest()).toEqual(answers);
    await server.close();
  });

  it('does so over HTTP/2', async () => {
    const server = overHttp2(echo, { borrow: true });
    const on = await ready(server);
    const { client } = await open(on);
    client.send(...sent);
    expect(await client.rest()).toEqual(answers);
    on.close();
    await server.close();
  });
});
