// permessage-deflate whose messages refer to earlier ones, and windows of all sizes: what is agreed upon, and that ws agrees.
import { deflateRawSync, inflateRawSync, constants } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import Ws, { WebSocketServer, type PerMessageDeflateOptions } from 'ws';

import { sleep, spawn, timeout } from 'stackful';
import { broadcast, connect, type CompressionOptions, type WebSocket } from 'stackful/websocket';

import { BINARY, CLOSE, echo, frame, framesIn, RawClient, rawServer, served, switching, TEXT } from './peers.js';

const closers: (() => unknown)[] = [];
afterEach(async () => { for (const close of closers.splice(0)) await close(); });

/** Alike, among noise that fills and passes windows of all sizes. */
const MESSAGES: (string | Buffer)[] = [];
for (let i = 0; i < 8; i++) {
  MESSAGES.push(JSON.stringify({ id: i, name: `person ${i}`, text: 'grüße 🙂 to all of them', list: [1, 2, 3] }));
  MESSAGES.push(Buffer.from(Array.from({ length: 90 * i * i }, (_, n) => (n * n * (i + 3)) >> 4 & 255)));
}
MESSAGES.push('', 'x', 'long '.repeat(4_000), 'alike', 'y'.repeat(40_000), 'alike', Buffer.alloc(70_000, 'bytes'), 'alike');

/** To compare: byte by byte that takes long. */
const textOf = (message: unknown): string => (typeof message === 'string' ? message : `bytes ${(message as Buffer).toString('latin1')}`);
const TEXTS = MESSAGES.map(textOf);

const OURS: CompressionOptions[] = [true, false].flatMap((contextTakeover) => [15, 10].map((windowBits) => ({ contextTakeover, windowBits, threshold: 0 })));
const THEIRS: PerMessageDeflateOptions[] = [false, true].flatMap((serverNoContextTakeover) => [false, true].flatMap((clientNoContextTakeover) =>
  [undefined, 9, 12].flatMap((serverMaxWindowBits) => [undefined, 10, 15].map((clientMaxWindowBits) => ({
    // False would refuse it.
    threshold: 0, ...(serverNoContextTakeover && { serverNoContextTakeover }), ...(clientNoContextTakeover && { clientNoContextTakeover }),
    ...(serverMaxWindowBits && { serverMaxWindowBits }), ...(clientMaxWindowBits && { clientMaxWindowBits }),
  })))));

describe.each(OURS)('ws agrees with %j', (compression) => {
  it('as a client, whatever it offers', async () => {
    const server = served(echo, { compression });
    for (const perMessageDeflate of THEIRS) {
      const client = new Ws(`ws://127.0.0.1:${server.port}/`, { perMessageDeflate });
      const got: unknown[] = [];
      await new Promise((resolve, reject) => {
        client.on('message', (data: Buffer, binary) => {
          got.push(textOf(binary ? data : String(data)));
          if (got.length === MESSAGES.length) resolve(undefined);
        });
        client.on('error', reject);
        client.on('open', () => { for (const message of MESSAGES) client.send(message); });
        client.on('close', reject);
      });
      expect(client.extensions, JSON.stringify(perMessageDeflate)).toContain('permessage-deflate');
      expect(got).toEqual(TEXTS);
      client.terminate();
    }
    expect(server.errors).toEqual([]);
  });

  it('as a server, whatever it is ready for', async () => {
    for (const perMessageDeflate of THEIRS) {
      const { serverMaxWindowBits, clientMaxWindowBits } = perMessageDeflate;
      // It refuses offers that do not go as far.
      if (serverMaxWindowBits && serverMaxWindowBits > compression.windowBits!) continue;
      if (clientMaxWindowBits && compression.windowBits === 15 && !compression.contextTakeover) continue;
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate });
      server.on('connection', (socket) => { socket.on('message', (data, binary) => { socket.send(data, { binary }); }); });
      await new Promise((resolve) => server.once('listening', resolve));
      await spawn(() => {
        const socket = connect(`ws://127.0.0.1:${(server.address() as { port: number }).port}/`, { compression });
        const sender = spawn(() => { for (const message of MESSAGES) socket.send(message); });
        for (const text of TEXTS) expect(textOf(socket.receive())).toBe(text);
        sender.join();
        socket.terminate();
      });
      for (const client of server.clients) client.terminate();
      server.close();
    }
  });
});

describe('the answer to an offer', () => {
  const NO = '; server_no_context_takeover; client_no_context_takeover';
  it.each<[CompressionOptions, string, string]>([
    [{ contextTakeover: true }, 'permessage-deflate', ''],
    [{ contextTakeover: true }, 'permessage-deflate; client_max_window_bits', ''],
    [{ contextTakeover: true }, 'permessage-deflate; server_no_context_takeover', '; server_no_context_takeover'],
    [{ contextTakeover: true }, 'permessage-deflate; client_no_context_takeover', '; client_no_context_takeover'],
    [{ contextTakeover: true }, 'permessage-deflate; server_max_window_bits=12', '; server_max_window_bits=12'],
    [{ contextTakeover: true, windowBits: 10 }, 'permessage-deflate', '; server_max_window_bits=10'],
    [{ contextTakeover: true, windowBits: 10 }, 'permessage-deflate; client_max_window_bits', '; server_max_window_bits=10; client_max_window_bits=10'],
    [{ contextTakeover: true, windowBits: 10 }, 'permessage-deflate; client_max_window_bits=9; server_max_window_bits=11', '; server_max_window_bits=10; client_max_window_bits=9'],
    [{ windowBits: 10 }, 'permessage-deflate; client_max_window_bits', `${NO}; server_max_window_bits=10; client_max_window_bits=10`],
  ])('of %j to %s', async (compression, offer, answer) => {
    const peer = await RawClient.to(served(echo, { compression }), `Sec-WebSocket-Extensions: ${offer}\r\n`);
    expect(/Sec-WebSocket-Extensions: (.*)\r\n/.exec(peer.head())?.[1]).toBe(`permessage-deflate${answer}`);
  });

  it.each<[CompressionOptions, string, boolean]>([
    [{ contextTakeover: true }, '', true],
    [{ contextTakeover: true }, '; client_max_window_bits=9; server_max_window_bits=9; client_no_context_takeover', true],
    [{ contextTakeover: true }, '; client_max_window_bits=8', false],
    [{ contextTakeover: true }, '; client_max_window_bits', false],
    [{ contextTakeover: true, windowBits: 10 }, '', false],
    [{ contextTakeover: true, windowBits: 10 }, '; server_max_window_bits=11', false],
    [{ contextTakeover: true, windowBits: 10 }, '; server_max_window_bits=9', true],
    [{ contextTakeover: false }, '', false],
    [{ contextTakeover: false }, '; server_no_context_takeover; client_max_window_bits=10', false],
  ])('is taken by a client with %j: %s', async (compression, answer, taken) => {
    const server = await rawServer((key) => switching(key, `Sec-WebSocket-Extensions: permessage-deflate${answer}\r\n`));
    closers.push(() => { server.close(); });
    await spawn(() => {
      const open = () => { connect(`ws://127.0.0.1:${server.port}/`, { compression }).terminate(); };
      if (taken) open();
      else expect(open).toThrow(expect.objectContaining({ code: 'ERR_WEBSOCKET_HANDSHAKE' }));
    });
  });

  it.each<[object, string]>([
    [{ windowBits: 8 }, 'ERR_OUT_OF_RANGE'], [{ windowBits: 16 }, 'ERR_OUT_OF_RANGE'], [{ contextTakeover: 1 }, 'ERR_INVALID_ARG_TYPE'],
  ])('options %j are refused', async (compression, code) => {
    await spawn(() => { expect(() => connect('ws://127.0.0.1:1/', { compression })).toThrow(expect.objectContaining({ code })); });
  });
});

/** A client that inflates: what each message is, with those before it as its dictionary. */
class Inflating {
  private before = Buffer.alloc(0);

  add(payload: Buffer): string {
    const message = inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 255, 255])]), {
      finishFlush: constants.Z_SYNC_FLUSH, ...(this.before.length > 0 && { dictionary: this.before.subarray(-32768) }),
    });
    this.before = Buffer.concat([this.before, message]);
    return String(message);
  }
}

describe('a message that refers to earlier ones', () => {
  const compression = { contextTakeover: true, threshold: 0 };
  const text = 'a sentence that has nothing in it twice: "quick fox"';

  async function sizes(send: (socket: WebSocket) => void, options: CompressionOptions, count: number): Promise<[number[], string[]]> {
    const peer = await RawClient.to(served(send, { compression: options }), 'Sec-WebSocket-Extensions: permessage-deflate\r\n');
    const all: Buffer[] = [];
    peer.head();
    peer.socket.on('data', (chunk: Buffer) => all.push(chunk));
    await peer.next(count + 1);
    const bytes = Buffer.concat(all);
    const { frames } = framesIn(bytes.subarray(bytes.indexOf('\r\n\r\n') < 0 ? 0 : bytes.indexOf('\r\n\r\n') + 4));
    const inflating = new Inflating();
    const compressed = frames.filter(({ rsv }) => rsv === 4);
    return [compressed.map(({ payload }) => payload.length), compressed.map(({ payload }) => inflating.add(payload))];
  }

  it('is short, and is not without the option', async () => {
    const twice = (socket: WebSocket) => { sleep(5); socket.send(text); socket.send(text); };
    const [[first, second], texts] = await sizes(twice, compression, 2);
    expect(texts).toEqual([text, text]);
    expect(second).toBeLessThan(first! / 4);
    const [[one, another]] = await sizes(twice, { threshold: 0 }, 2);
    expect(another).toBe(one);
  });

  it('does not refer to one that was never sent, nor to what was sent uncompressed', async () => {
    const server = served((socket) => {
      const long = spawn(() => { socket.send(Buffer.alloc(10_000_000), { compress: false }); });
      sleep(1);
      for (let i = 0; i < 3; i++) timeout(2, () => { socket.send(text); }, () => undefined);
      socket.receive();
      long.join();
      socket.send(`${text}, `, { compress: false });
      socket.send(text);
      socket.send(text);
    }, { compression });
    const client = new Ws(`ws://127.0.0.1:${server.port}/`, { perMessageDeflate: { threshold: 0 } });
    const got: number[] = [];
    client.on('message', (data: Buffer) => got.push(data.length));
    await new Promise((resolve) => client.once('open', resolve));
    client.pause();
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    client.resume();
    client.send('go on');
    await new Promise((resolve) => client.once('close', resolve));
    expect(got).toEqual([10_000_000, text.length + 2, text.length, text.length]);
    expect(server.errors).toEqual([]);
  });

  it('refers to bytes as they were sent, also when the caller changes them', async () => {
    const server = served((socket) => {
      const bytes = Buffer.from(text);
      for (let i = 0; i < 5; i++) {
        socket.send(bytes);
        bytes[i]! ^= 1;
      }
    }, { compression });
    const client = new Ws(`ws://127.0.0.1:${server.port}/`, { perMessageDeflate: { threshold: 0 } });
    const got: Buffer[] = [];
    client.on('message', (data: Buffer) => got.push(data));
    await new Promise((resolve) => client.once('close', resolve));
    expect(got.map((data, i) => [...data].filter((byte, n) => byte !== text.charCodeAt(n)).length === i)).toEqual(Array(5).fill(true));
  });

  it('goes together with broadcasts, also those that have to wait', async () => {
    const sockets = new Set<WebSocket>();
    const server = served((socket) => {
      sockets.add(socket);
      for (const message of socket) {
        const sender = spawn(() => { socket.send(`${String(message)} ${'z'.repeat(20_000)}`); });
        for (let i = 0; i < 20; i++) broadcast(sockets, `${text} ${i} ${String(i).repeat(30_000)}`, { maxBufferedBytes: 1e9 });
        socket.send(`${text}!`);
        broadcast(sockets, `${text}?`);
        sender.join();
      }
    }, { compression });
    const clients = Array.from({ length: 4 }, (_, i) => new Ws(`ws://127.0.0.1:${server.port}/`, { perMessageDeflate: i === 3 ? { serverNoContextTakeover: true } : i > 0 }));
    const got = clients.map(() => [] as string[]);
    clients.forEach((client, i) => client.on('message', (data: Buffer) => got[i]!.push(String(data).slice(0, text.length + 3))));
    await Promise.all(clients.map((client) => new Promise((resolve) => client.once('open', resolve))));
    for (let round = 0; round < 3; round++) for (const client of clients) client.send(`m${round}`);
    const whole = 12 * 21 + 3 * 2;
    while (got.some((texts) => texts.length < whole)) await new Promise(setImmediate);
    for (const texts of got) {
      expect(texts.filter((each) => each === `${text}!`)).toHaveLength(3);
      expect(texts.filter((each) => each === `${text}?`)).toHaveLength(12);
    }
    for (const client of clients) client.terminate();
    expect(server.errors.filter((error) => (error as { code: string }).code !== 'ERR_WEBSOCKET_LOST')).toEqual([]);
  });

  it('may be no bomb, and has to refer to what was said', async () => {
    const bomb = deflateRawSync(Buffer.alloc(10_000_000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const far = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH, dictionary: Buffer.from(text) }).subarray(0, -4);
    for (const [payload, close] of [[bomb, 'close 1009'], [far, 'close 1007']] as const) {
      const peer = await RawClient.to(served(echo, { compression }), 'Sec-WebSocket-Extensions: permessage-deflate\r\n');
      peer.head();
      const hello = deflateRawSync('hello', { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
      const rest = await peer.send(frame(TEXT, hello, { rsv: 4 }), frame(BINARY, payload, { rsv: 4 }), frame(CLOSE)).rest();
      expect(rest.at(-1)).toBe(close);
    }
  });
});
