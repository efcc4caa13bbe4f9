// What a server makes of the frames of a client, each class of them by itself and in all cuts.
import { describe, expect, it } from 'vitest';

import { BINARY, CLOSE, closing, CONTINUATION, echo, frame, PING, PONG, RawClient, served, TEXT } from './peers.js';

/** The frames that come back for `sent`, and the codes of what the handler threw. */
async function answers(sent: Buffer[], options = {}): Promise<{ frames: string[]; codes: unknown[] }> {
  const server = served(echo, options);
  const client = await RawClient.to(server);
  client.head();
  client.send(...sent);
  const frames = await client.rest();
  await server.close();
  return { frames, codes: server.errors.map((error) => (error as { code: string }).code) };
}

const BYE = frame(CLOSE, closing(1000));

const rejected = (code: number) => ({ frames: [`close ${code}`], codes: [] });

describe('messages', () => {
  it.each([0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 200_000])('of %i bytes come back, as text and as bytes', async (length) => {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 7) % 128));
    const { frames } = await answers([frame(TEXT, bytes), frame(BINARY, bytes), BYE]);
    const hex = bytes.toString('hex');
    expect(frames).toEqual([length ? `text ${bytes.toString()}` : 'text', length ? `binary ${hex}` : 'binary', 'close 1000']);
  });

  it('come back in order when many came in one packet', async () => {
    const all = Array.from({ length: 3000 }, (_, i) => `message ${i}`);
    const { frames } = await answers([...all.map((text) => frame(TEXT, text)), BYE]);
    expect(frames).toEqual([...all.map((text) => `text ${text}`), 'close 1000']);
  });

  it('may come byte by byte, and behind the handshake', async () => {
    const server = served(echo);
    const client = await RawClient.to(server, '', frame(TEXT, 'early').subarray(0, 8));
    client.head();
    await client.trickle(frame(TEXT, 'early').subarray(8));
    await client.trickle(Buffer.concat([frame(TEXT, 'grüße', { fin: false }), frame(PING, 'p'), frame(CONTINUATION, ' 🙂'), BYE]));
    expect(await client.rest()).toEqual(['text early', 'pong p', 'text grüße 🙂', 'close 1000']);
  });

  it('in fragments are put together, with control frames between them', async () => {
    const { frames } = await answers([
      frame(TEXT, '', { fin: false }), frame(CONTINUATION, 'one', { fin: false }), frame(PING, 'a'), frame(PONG), frame(CONTINUATION, ' two', { fin: false }),
      frame(PING, 'b'), frame(CONTINUATION), frame(BINARY, 'x', { fin: false }), frame(CONTINUATION, 'y'), BYE,
    ]);
    expect(frames).toEqual(['pong a', 'pong b', 'text one two', 'binary 7879', 'close 1000']);
  });

  it('may be as long as the limit, in one frame and in many', async () => {
    const most = { maxMessageBytes: 100 };
    const text = 'x'.repeat(50);
    const inTwo = [frame(TEXT, text, { fin: false }), frame(CONTINUATION, text)];
    expect((await answers([frame(TEXT, text + text), ...inTwo, BYE], most)).frames).toEqual([`text ${text}${text}`, `text ${text}${text}`, 'close 1000']);
    expect(await answers([frame(TEXT, `${text}${text}y`)], most)).toEqual(rejected(1009));
    expect(await answers([frame(TEXT, text, { fin: false }), frame(CONTINUATION, `${text}y`)], most)).toEqual(rejected(1009));
    // The header alone, which announces an exabyte.
    expect(await answers([Buffer.from([0x82, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])])).toEqual(rejected(1009));
  });
});

describe('pings', () => {
  it('come back as pongs, up to 125 bytes; pongs are passed over', async () => {
    const long = 'p'.repeat(125);
    expect((await answers([frame(PING), frame(PING, long), frame(PONG, 'unasked'), frame(TEXT, 'x'), BYE])).frames)
      .toEqual(['pong', `pong ${long}`, 'text x', 'close 1000']);
  });
});

describe('a violation ends the connection, with its code', () => {
  it.each<[string, Buffer[], number]>([
    ['RSV1 without compression', [frame(TEXT, 'x', { rsv: 4 })], 1002],
    ['RSV2', [frame(TEXT, 'x', { rsv: 2 })], 1002],
    ['RSV3', [frame(BINARY, 'x', { rsv: 1 })], 1002],
    ['RSV of a ping', [frame(PING, '', { rsv: 4 })], 1002],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Buffer[], number] => [`opcode ${opcode}`, [frame(opcode, 'x')], 1002]),
    ['no mask', [frame(TEXT, 'x', { mask: false })], 1002],
    ['no mask of a ping', [frame(PING, '', { mask: false })], 1002],
    ['a ping in fragments', [frame(PING, 'x', { fin: false })], 1002],
    ['a close in fragments', [frame(CLOSE, '', { fin: false })], 1002],
    ['a ping of 126 bytes', [frame(PING, 'x'.repeat(126))], 1002],
    ['a close of 126 bytes', [frame(CLOSE, closing(1000, 'x'.repeat(124)))], 1002],
    ['a continuation of nothing', [frame(CONTINUATION, 'x')], 1002],
    ['a continuation of nothing, unfinished', [frame(CONTINUATION, 'x', { fin: false })], 1002],
    ['a continuation of a message that has ended', [frame(TEXT, 'x', { fin: false }), frame(CONTINUATION), frame(CONTINUATION)], 1002],
    ['text within a message', [frame(TEXT, 'x', { fin: false }), frame(TEXT, 'y')], 1002],
    ['bytes within a message', [frame(TEXT, 'x', { fin: false }), frame(BINARY, 'y')], 1002],
    ['7 bytes with a length of 16 bits', [frame(TEXT, '7 bytes', { lengthBytes: 2 })], 1002],
    ['7 bytes with a length of 64 bits', [frame(TEXT, '7 bytes', { lengthBytes: 8 })], 1002],
    ['300 bytes with a length of 64 bits', [frame(TEXT, 'x'.repeat(300), { lengthBytes: 8 })], 1002],
    ['a length with its highest bit', [Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])], 1002],
    ['a close of one byte', [frame(CLOSE, 'x')], 1002],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map((code): [string, Buffer[], number] =>
      [`the close code ${code}`, [frame(CLOSE, closing(code))], 1002]),
    ['a reason that is no UTF-8', [frame(CLOSE, closing(1000, Buffer.from([0xc0, 0x80])))], 1007],
  ])('%s', async (_name, sent, code) => {
    const before = sent.length > 1 && sent.at(-1)![0] === 0x80 ? ['text x'] : [];
    const { frames, codes } = await answers(sent);
    expect({ frames: frames.filter((text) => !before.includes(text)), codes }).toEqual(rejected(code));
  });
});

describe('text has to be UTF-8', () => {
  const bad: [string, number[]][] = [
    ['a byte that continues nothing', [0x80]], ['two of them', [0xbf, 0xbf]], ['a character cut off', [0xc3]], ['one of three bytes', [0xe2, 0x82]],
    ['one of four', [0xf0, 0x9f, 0x99]], ['too long for a slash', [0xc0, 0xaf]], ['too long, three bytes', [0xe0, 0x80, 0xaf]], ['too long, four', [0xf0, 0x80, 0x80, 0xaf]],
    ['half a surrogate pair', [0xed, 0xa0, 0x80]], ['the other half', [0xed, 0xbf, 0xbf]], ['beyond the last character', [0xf4, 0x90, 0x80, 0x80]],
    ['f5', [0xf5, 0x80, 0x80, 0x80]], ['fe', [0xfe]], ['ff', [0xff]], ['ASCII after a first byte', [0xc3, 0x28]],
  ];
  it.each(bad)('%s', async (_name, bytes) => {
    const around = Buffer.concat([Buffer.from('before, '.repeat(3)), Buffer.from(bytes)]);
    expect(await answers([frame(TEXT, around)])).toEqual(rejected(1007));
    expect(await answers([...around].map((byte, i) => frame(i === 0 ? TEXT : CONTINUATION, Buffer.from([byte]), { fin: i === around.length - 1 })))).toEqual(rejected(1007));
    // Bytes may be anything.
    expect((await answers([frame(BINARY, around), BYE])).frames).toEqual([`binary ${around.toString('hex')}`, 'close 1000']);
  });

  it.each(['\u0000', '\u007f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}', 'κόσμε', '日本語 🙂'])('%j is', async (text) => {
    const bytes = Buffer.from(text);
    const single = [...bytes].map((byte, i) => frame(i === 0 ? TEXT : CONTINUATION, Buffer.from([byte]), { fin: i === bytes.length - 1 }));
    expect((await answers([frame(TEXT, text), ...single, BYE])).frames).toEqual([`text ${text}`, `text ${text}`, 'close 1000']);
  });

  it('and is refused at the first wrong byte, before its frame or its message has ended', async () => {
    const server = served(echo);
    for (const bytes of [
      frame(TEXT, Buffer.concat([Buffer.from([0xff]), Buffer.alloc(1000)])).subarray(0, 100), frame(TEXT, Buffer.from([0xff]), { fin: false }),
      // Received straight into the message.
      frame(TEXT, Buffer.concat([Buffer.alloc(100_000, 'x'), Buffer.from([0xff]), Buffer.alloc(100_000)])).subarray(0, 150_000),
    ]) {
      const client = await RawClient.to(server);
      client.head();
      expect(await client.send(bytes).rest()).toEqual(['close 1007']);
    }
  });
});
