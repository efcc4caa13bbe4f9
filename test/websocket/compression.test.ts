// permessage-deflate: what is agreed upon, and compressed messages that are not as they should be.
import { deflateRawSync, constants } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import { spawn } from 'stackful';
import { connect } from 'stackful/websocket';

import { BINARY, CLOSE, closing, CONTINUATION, echo, frame, PING, RawClient, served, TEXT } from './peers.js';

const OFFER = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';

function deflated(data: string | Buffer, windowBits = 15): Buffer {
  const bytes = deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH, windowBits });
  return bytes.subarray(0, bytes.length - 4);
}

async function client(more = OFFER, options = {}): Promise<{ client: RawClient; head: string; server: ReturnType<typeof served> }> {
  const server = served(echo, { compression: { threshold: 1e9 }, ...options });
  const made = await RawClient.to(server, more);
  return { client: made, head: made.head(), server };
}

describe('an offer', () => {
  const NONE = undefined;
  const BOTH = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
  it.each<[string, string | undefined]>([
    ['permessage-deflate', BOTH],
    ['permessage-deflate; client_max_window_bits', BOTH],
    ['permessage-deflate; client_max_window_bits=10; client_no_context_takeover', BOTH],
    ['permessage-deflate; server_max_window_bits=10', `${BOTH}; server_max_window_bits=10`],
    ['permessage-deflate; server_max_window_bits="9"', `${BOTH}; server_max_window_bits=9`],
    ['x-webkit, permessage-deflate;server_no_context_takeover', BOTH],
    // zlib cannot do that, and the next offer is as good.
    ['permessage-deflate; server_max_window_bits=8, permessage-deflate', BOTH],
    ['permessage-deflate; server_max_window_bits=8', NONE],
    ['permessage-deflate; server_max_window_bits', NONE],
    ['permessage-deflate; server_max_window_bits=16', NONE],
    ['permessage-deflate; server_max_window_bits=09', NONE],
    ['permessage-deflate; server_no_context_takeover=1', NONE],
    ['permessage-deflate; server_no_context_takeover; server_no_context_takeover', NONE],
    ['permessage-deflate; x', NONE],
    ['permessage-deflate; client_max_window_bits=7', NONE],
    ['x-webkit-deflate-frame', NONE],
  ])('%s', async (offer, answer) => {
    const { head } = await client(`Sec-WebSocket-Extensions: ${offer}\r\n`);
    expect(/Sec-WebSocket-Extensions: (.*)\r\n/.exec(head)?.[1]).toBe(answer);
  });

  it('is passed over by a server that does not compress', async () => {
    expect((await client(OFFER, { compression: false })).head).not.toContain('Extensions');
  });
});

describe('compressed messages', () => {
  it('come as text and bytes, in one frame, in many, empty, and among others', async () => {
    const long = deflated('grüße '.repeat(20_000));
    const { client: peer } = await client();
    peer.send(
      frame(TEXT, deflated('one'), { rsv: 4 }), frame(TEXT, 'plain'), frame(BINARY, deflated('two'), { rsv: 4 }), frame(TEXT, deflated(''), { rsv: 4 }),
      frame(TEXT, long.subarray(0, 10), { rsv: 4, fin: false }), frame(PING), frame(CONTINUATION, '', { fin: false }), frame(CONTINUATION, long.subarray(10)),
      // The end of a block that is the last, as some encoders write it.
      frame(TEXT, Buffer.concat([deflateRawSync('last'), Buffer.from([0])]), { rsv: 4 }),
      frame(CLOSE, closing(1000)),
    );
    expect(await peer.rest()).toEqual(['text one', 'text plain', 'binary 74776f', 'text', 'pong', `text ${'grüße '.repeat(20_000)}`, 'text last', 'close 1000']);
  });

  it.each<[string, Buffer[], number]>([
    ['RSV1 of a continuation', [frame(TEXT, deflated('a'), { rsv: 4, fin: false }), frame(CONTINUATION, '', { rsv: 4 })], 1002],
    ['RSV1 of a ping', [frame(PING, '', { rsv: 4 })], 1002],
    ['RSV2', [frame(TEXT, deflated('a'), { rsv: 6 })], 1002],
    ['data that is not deflated', [frame(BINARY, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]), { rsv: 4 })], 1007],
    ['text that is no UTF-8', [frame(TEXT, deflated(Buffer.from([0x61, 0xff])), { rsv: 4 })], 1007],
    ['a bomb of 100 MB', [frame(BINARY, deflated(Buffer.alloc(100_000_000)), { rsv: 4 })], 1009],
    ['a small bomb', [frame(BINARY, deflated(Buffer.alloc(1_048_577)), { rsv: 4 })], 1009],
  ])('that break the protocol: %s', async (_name, sent, code) => {
    const { client: peer, server } = await client();
    expect(await peer.send(...sent).rest()).toEqual([`close ${code}`]);
    expect(server.errors).toEqual([]);
  });

  it('are as long as the limit at most, to the byte', async () => {
    for (const [most, length, answer] of [[1000, 1000, 'binary'], [1000, 1001, 'close 1009'], [100_000, 100_000, 'binary'], [100_000, 100_001, 'close 1009'], [0, 0, 'binary'], [0, 1, 'close 1009']] as const) {
      const { client: peer } = await client(OFFER, { maxMessageBytes: Math.max(most, 0) });
      // The compressed bytes count, too.
      const payload = deflated(Buffer.alloc(length));
      if (payload.length > most) continue;
      const [got] = await peer.send(frame(BINARY, payload, { rsv: 4 })).next();
      expect([most, length, got!.slice(0, answer.length)]).toEqual([most, length, answer]);
    }
  });
});

describe('what is sent', () => {
  it('is compressed from the threshold on, or as send is told', async () => {
    const server = served((socket) => {
      socket.send('x'.repeat(99));
      socket.send('x'.repeat(100));
      socket.send(Buffer.alloc(100));
      socket.send('x'.repeat(100), { compress: false });
      socket.send('x', { compress: true });
      expect(socket.compressed).toBe(true);
    }, { compression: { threshold: 100, level: 9 } });
    const peer = await RawClient.to(server, OFFER);
    peer.head();
    const frames = await peer.next(5);
    expect(frames.map((text) => text.endsWith('rsv4'))).toEqual([false, true, true, false, true]);
  });

  it('keeps to the window that the client has room for', async () => {
    const data = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * i) >> 5 & 255));
    const { client: peer } = await client('Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n', { compression: { threshold: 1 } });
    peer.send(frame(BINARY, data));
    const [answer] = await peer.next();
    expect(answer).toBe(`binary ${deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH, windowBits: 9, level: 3 }).subarray(0, -4).toString('hex')} rsv4`);
  });

  it('arrives in the order of the calls of one coroutine, long ones and short ones', async () => {
    const server = served(echo, { compression: true });
    await spawn(() => {
      const socket = connect(`ws://127.0.0.1:${server.port}/`, { compression: { threshold: 0 } });
      const texts = Array.from({ length: 30 }, (_, i) => `${i} `.repeat(i % 2 ? 3 : 40_000));
      const sender = spawn(() => { for (const text of texts) socket.send(text); });
      expect(texts.map(() => socket.receive())).toEqual(texts);
      sender.join();
      socket.close();
    });
  });
});
