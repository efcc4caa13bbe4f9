// Closing, from either side, and what is left in the middle.
import { describe, expect, it } from 'vitest';

import { sleep, spawn, timeout } from 'stackful';
import { connect, type WebSocket } from 'stackful/websocket';

import { EARLY_ENDS } from '../support/early_end.js';
import { untilParked } from '../support/parked.js';
import { CLOSE, closing, echo, frame, PING, RawClient, served, TEXT } from './peers.js';

const thrown = (fn: () => unknown): { code?: string } => {
  try {
    fn();
  } catch (error) {
    return error as { code?: string };
  }
  return {};
};

async function client(server: Parameters<typeof RawClient.to>[0]): Promise<RawClient> {
  const made = await RawClient.to(server);
  made.head();
  return made;
}

describe('a close of the peer', () => {
  it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])('with %i is answered with the same code', async (code) => {
    let seen: unknown[] = [];
    const server = served((socket) => {
      const received = socket.receive();
      seen = [received, socket.receive(), socket.closeCode, socket.closeReason, socket.state, thrown(() => { socket.send('x'); }).code];
    });
    expect(await (await client(server)).send(frame(CLOSE, closing(code, 'grüße'))).rest()).toEqual([`close ${code}`]);
    await server.close();
    expect(seen).toEqual([null, null, code, 'grüße', 'closed', 'ERR_WEBSOCKET_CLOSED']);
  });

  it('without a code is answered with none; what comes behind it does not count', async () => {
    let code: number | undefined;
    const server = served((socket) => { echo(socket); code = socket.closeCode; });
    const peer = await client(server);
    expect(await peer.send(frame(TEXT, 'a'), frame(CLOSE), frame(TEXT, 'b'), frame(PING), frame(3, 'x')).rest()).toEqual(['text a', 'close']);
    await server.close();
    expect(code).toBe(1005);
  });

  it('within a message ends it', async () => {
    const server = served(echo);
    expect(await (await client(server)).send(frame(TEXT, 'a', { fin: false }), frame(CLOSE, closing(1000))).rest()).toEqual(['close 1000']);
  });
});

describe('close', () => {
  it('waits for the answer, drops messages that come before it, and answers no ping', async () => {
    let seen: unknown[] = [];
    const server = served((socket) => {
      socket.close(4001, 'why');
      seen = [socket.closeCode, socket.closeReason, socket.state];
    });
    const peer = await client(server);
    expect(await peer.next()).toEqual(['close 4001 why']);
    expect(await peer.send(frame(TEXT, 'late'), frame(PING), frame(CLOSE, closing(4002, 'so'))).rest()).toEqual([]);
    await server.close();
    expect(seen).toEqual([4002, 'so', 'closed']);
  });

  it('may be called while another coroutine receives, and from several', async () => {
    const log: unknown[] = [];
    const server = served((socket) => {
      const receiver = spawn(() => { for (const message of socket) log.push(message); });
      untilParked(receiver);
      const closers = [1, 2].map(() => spawn(() => { socket.close(1000); }));
      for (const each of [receiver, ...closers]) each.join();
      log.push(socket.closeCode);
    });
    const peer = await client(server);
    expect(await peer.next()).toEqual(['close 1000']);
    expect(await peer.send(frame(TEXT, 'on the way'), frame(CLOSE, closing(1000))).rest()).toEqual([]);
    await server.close();
    expect(log).toEqual(['on the way', 1000]);
  });

  it('gives up on a peer that does not answer', async () => {
    let seen: unknown[] = [];
    const server = served((socket) => {
      socket.close();
      seen = [socket.closeCode, socket.state, socket.receive()];
    }, { closeTimeout: 20 });
    expect(await (await client(server)).rest()).toEqual(['close 1000']);
    await server.close();
    expect(seen).toEqual([1006, 'closed', null]);
  });

  it('refuses codes that may not be sent, and long reasons', async () => {
    const codes: unknown[] = [];
    const server = served((socket) => {
      for (const code of [999, 1004, 1005, 1006, 1015, 2999, 5000, 1.5, '1000']) codes.push(thrown(() => { socket.close(code as number); }).code);
      codes.push(thrown(() => { socket.close(1000, 'x'.repeat(124)); }).code, socket.state);
    });
    await (await client(server)).send(frame(CLOSE)).rest();
    await server.close();
    expect(codes).toEqual([...Array<string>(8).fill('ERR_OUT_OF_RANGE'), 'ERR_INVALID_ARG_TYPE', 'ERR_OUT_OF_RANGE', 'open']);
  });

  it.each(EARLY_ENDS)('ends the connection when %s', async (_why, endEarly) => {
    const server = served((socket) => { while (socket.state !== 'closed') sleep(1); }, { pingInterval: 0 });
    let socket: WebSocket | undefined;
    await spawn(() => { socket = connect(`ws://127.0.0.1:${server.port}/`, { closeTimeout: 1e6 }); });
    const closing_ = endEarly(() => { socket!.close(); });
    await closing_;
    expect([socket!.state, socket!.closeCode]).toEqual(['closed', 1006]);
    await server.close({ deadline: 0 });
  });
});

describe('an early end', () => {
  it.each(EARLY_ENDS)('of receive leaves the WebSocket as it was: %s', async (_why, endEarly) => {
    const server = served(echo);
    let socket: WebSocket | undefined;
    await spawn(() => { socket = connect(`ws://127.0.0.1:${server.port}/`); });
    await endEarly(() => { socket!.receive(); });
    await spawn(() => {
      socket!.send('still here');
      expect(socket!.receive()).toBe('still here');
      socket!.close();
    });
  });

  it('of receive keeps the part of a message that has come', async () => {
    const ends: unknown[] = [];
    const server = served((socket) => {
      ends.push(timeout(10, () => socket.receive(), () => 'late'));
      socket.send('go on');
      ends.push(socket.receive());
    });
    const peer = await client(server);
    const whole = frame(TEXT, 'x'.repeat(100_000));
    peer.send(frame(TEXT, 'a', { fin: false }), whole.subarray(0, 50_000).fill(0x80, 0, 1));
    expect(await peer.next()).toEqual(['text go on']);
    peer.send(whole.subarray(50_000));
    expect(await peer.next()).toEqual(['close 1000']);
    peer.send(frame(CLOSE));
    await server.close();
    expect(ends).toEqual(['late', `a${'x'.repeat(100_000)}`]);
  });

  it.each(EARLY_ENDS)('of send in the middle breaks it: %s', async (_why, endEarly) => {
    const server = served((socket) => { while (socket.state !== 'closed') sleep(1); }, { pingInterval: 0 });
    let socket: WebSocket | undefined;
    await spawn(() => { socket = connect(`ws://127.0.0.1:${server.port}/`, { closeTimeout: 50 }); });
    await endEarly(() => { for (;;) socket!.send(Buffer.alloc(16 << 20)); });
    expect((await spawn(() => thrown(() => { socket!.send('next'); }))).code).toBe('ERR_WEBSOCKET_BROKEN');
    socket!.terminate();
    await server.close({ deadline: 0 });
  });

  it('of a message in pieces ends the connection, unless none was sent', async () => {
    const server = served((socket) => { socket.receive(); });
    await spawn(() => {
      const socket = connect(`ws://127.0.0.1:${server.port}/`);
      const pieces = function* (first: boolean) {
        if (first) yield 'one';
        throw new Error('no more');
      };
      expect(thrown(() => { socket.send(pieces(false)); })).toEqual(new Error('no more'));
      expect(socket.state).toBe('open');
      expect(thrown(() => { socket.send(pieces(true)); })).toEqual(new Error('no more'));
      expect([socket.state, thrown(() => { socket.send('x'); }).code]).toEqual(['closed', 'ERR_WEBSOCKET_BROKEN']);
    });
  });
});

it('a peer that is silent is sent a ping, and is lost when it is silent again', async () => {
  let seen: unknown;
  const server = served((socket) => { seen = thrown(() => socket.receive()); }, { pingInterval: 30 });
  expect(await (await client(server)).rest()).toEqual(['ping']);
  await server.close();
  expect(seen).toMatchObject({ code: 'ERR_WEBSOCKET_TIMEOUT', closeCode: 1006 });
});

it('an answer to the ping is enough', async () => {
  const server = served((socket) => { timeout(1000, () => socket.receive(), () => undefined); }, { pingInterval: 150 });
  await spawn(() => {
    const socket = connect(`ws://127.0.0.1:${server.port}/`);
    expect([socket.receive(), socket.closeCode]).toEqual([null, 1000]);
  });
});

it('outside a coroutine calls throw, and disposal ends the connection', async () => {
  const server = served(echo);
  const socket = await spawn(() => connect(`ws://127.0.0.1:${server.port}/`));
  for (const call of [() => socket.receive(), () => { socket.send('x'); }, () => { socket.close(); }, () => { socket.ping(); }]) {
    expect(thrown(call)).toMatchObject({ code: 'ERR_NOT_IN_COROUTINE' });
  }
  expect(socket.state).toBe('open');
  socket[Symbol.dispose]();
  expect(socket.state).toBe('closed');
});

it('several coroutines may send and receive: messages are whole, each is received once', async () => {
  const server = served(echo);
  await spawn(() => {
    const socket = connect(`ws://127.0.0.1:${server.port}/`);
    const texts = Array.from({ length: 60 }, (_, i) => String.fromCharCode(65 + (i % 26)).repeat(1 + i * 997));
    const senders = texts.map((text, i) => spawn(() => { socket.send(i % 3 === 0 ? [text.slice(0, 10), text.slice(10)] : text); }));
    const received: unknown[] = [];
    const receivers = [1, 2, 3].map(() => spawn(() => { while (received.length < texts.length) received.push(timeout(2000, () => socket.receive(), () => null)); }));
    for (const each of [...senders, ...receivers]) each.join();
    expect(received.filter((text) => text !== null).sort()).toEqual([...texts].sort());
    socket.close();
  });
});
