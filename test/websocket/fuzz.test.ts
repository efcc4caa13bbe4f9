// Frames in all cuts, right ones and damaged ones, from a generator with a seed: a server must take the right ones apart as
// they were put together, and answer the damaged ones with a close frame, or wait for more.
import { describe, expect, it } from 'vitest';

import { spawn } from 'stackful';
import { WebSocket, type Message } from 'stackful/websocket';

import { settingsOf } from '../../lib/websocket/options.js';
import type { Carrier } from '../../lib/websocket/carrier.js';
import { BINARY, CLOSE, CONTINUATION, frame, framesIn, PING, PONG, TEXT } from './peers.js';

const SEED = Number(process.env['STACKFUL_FUZZ_SEED'] ?? 20261130);

/** Mulberry32, a generator of 32 bits. */
function generator(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Bytes that come in pieces without a socket, as those of a stream of HTTP/2 would. */
class Pieces implements Carrier {
  readonly written: Buffer[] = [];
  closed = false;
  constructor(private readonly pieces: Buffer[]) {}
  read(): Buffer | null { return this.pieces.shift() ?? null; }
  write(data: Uint8Array): void { this.written.push(Buffer.from(data)); }
  end(): void { /* nothing is sent behind it */ }
  close(): void { this.closed = true; }
}

function cut(bytes: Buffer, below: (n: number) => number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = 1 + below(below(4) === 0 ? 70_000 : 40);
    pieces.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length;
  }
  return pieces;
}

/** Messages, and the frames that they are sent in. */
function conversation(below: (n: number) => number): { messages: Message[]; pongs: string[]; bytes: Buffer } {
  const messages: Message[] = [];
  const pongs: string[] = [];
  const frames: Buffer[] = [];
  const control = () => {
    if (below(4) !== 0) return;
    const payload = 'p'.repeat(below(126));
    frames.push(frame(below(2) ? PING : PONG, payload));
    if ((frames.at(-1)![0]! & 15) === PING) pongs.push(payload);
  };
  for (let i = below(12); i >= 0; i--) {
    const sizes = [0, 1, 5, 125, 126, 127, 300, 65_535, 65_536, 100_000];
    const text = below(2) === 0;
    const length = sizes[below(sizes.length)]!;
    const bytes = text ? Buffer.from(Array.from({ length: Math.min(length, 1000) }, () => ['a', 'ü', '€', '🙂'][below(4)]!).join('').repeat(1 + Math.floor(length / 1000))) : Buffer.alloc(length, below(256));
    messages.push(text ? bytes.toString() : bytes);
    const count = 1 + (below(2) ? 0 : below(6));
    const ends = Array.from({ length: count - 1 }, () => below(bytes.length + 1)).sort((a, b) => a - b);
    [...ends, bytes.length].forEach((end, n) => {
      control();
      frames.push(frame(n > 0 ? CONTINUATION : text ? TEXT : BINARY, bytes.subarray(n > 0 ? ends[n - 1] : 0, end), { fin: n === count - 1 }));
    });
    control();
  }
  return { messages, pongs, bytes: Buffer.concat([...frames, frame(CLOSE)]) };
}

function received(bytes: Buffer, below: (n: number) => number): { messages: Message[]; error: unknown; carrier: Pieces; socket: WebSocket } {
  const carrier = new Pieces(cut(bytes, below));
  const socket = new WebSocket(carrier, { server: true, protocol: '', deflate: undefined, settings: settingsOf({ maxMessageBytes: 1 << 20 }) });
  const messages: Message[] = [];
  try {
    for (const message of socket) messages.push(message);
    return { messages, error: undefined, carrier, socket };
  } catch (error) {
    return { messages, error, carrier, socket };
  }
}

describe(`frames from the seed ${SEED}`, () => {
  it('that are right come as they were sent, in any cuts', async () => {
    await spawn(() => {
      for (let round = 0; round < 150; round++) {
        const below = generator(SEED + round);
        const { messages, pongs, bytes } = conversation(below);
        const got = received(bytes, below);
        const answers = framesIn(Buffer.concat(got.carrier.written)).frames;
        if (got.error) throw new Error(`seed ${SEED + round}`, { cause: got.error });
        expect(got.messages.length, `seed ${SEED + round}`).toBe(messages.length);
        messages.forEach((message, i) => { if (!Buffer.from(message).equals(Buffer.from(got.messages[i]!))) throw new Error(`seed ${SEED + round}, message ${i}`); });
        expect(answers.filter(({ opcode }) => opcode === PONG).map(({ payload }) => String(payload))).toEqual(pongs);
        expect([answers.at(-1)!.opcode, got.socket.state, got.carrier.closed]).toEqual([CLOSE, 'closed', true]);
      }
    });
  });

  it('that are damaged end in order', async () => {
    const codes = new Map<string, number>();
    await spawn(() => {
      for (let round = 0; round < 400; round++) {
        const below = generator(SEED + 10_000 + round);
        const { bytes } = conversation(below);
        for (let i = below(4); i >= 0; i--) bytes[below(Math.min(bytes.length, 400))] = below(256);
        const { error, socket, carrier } = received(bytes.subarray(0, bytes.length - below(3)), below);
        const code = error === undefined ? 'none' : String((error as { code?: string }).code);
        expect(code, `seed ${SEED + 10_000 + round}`).toMatch(/^none$|^ERR_WEBSOCKET_(LOST|PROTOCOL|INVALID_DATA|TOO_BIG)$/);
        expect([socket.state, carrier.closed]).toEqual(['closed', true]);
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
    });
    expect([...codes.keys()].sort()).toEqual(expect.arrayContaining(['ERR_WEBSOCKET_INVALID_DATA', 'ERR_WEBSOCKET_LOST', 'ERR_WEBSOCKET_PROTOCOL']));
  });
});
