// Peers that speak WebSocket byte by byte, and the server that they speak to.
import { createHash } from 'node:crypto';
import { connect, createServer, type Server as NodeServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { start } from '../http/helpers.js';
import type { ServeOptions, Server } from 'stackful/http';
import type { UpgradeOptions, WebSocket } from 'stackful/websocket';

export const CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

export interface Frame {
  opcode: number;
  fin: boolean;
  rsv: number;
  payload: Buffer;
}

export interface FrameOptions {
  fin?: boolean;
  rsv?: number;
  /** False: without a mask. */
  mask?: boolean;
  /** How many bytes encode the length: 0, 2 or 8. */
  lengthBytes?: number;
}

const KEY = Buffer.from([0x11, 0xa2, 0x33, 0xf4]);

/** A frame as a client sends it. */
export function frame(opcode: number, payload: string | Buffer = '', options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, mask = true } = options;
  const bytes = Buffer.from(payload);
  const { length } = bytes;
  const lengthBytes = options.lengthBytes ?? (length < 126 ? 0 : length < 65536 ? 2 : 8);
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (mask ? 0x80 : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) head.writeUInt16BE(length, 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (!mask) return Buffer.concat([head, bytes]);
  return Buffer.concat([head, KEY, bytes.map((byte, i) => byte ^ KEY[i % 4]!)]);
}

/** The payload of a close frame. */
export function closing(code: number, reason: string | Buffer = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** Takes whole frames apart; what is left of `bytes` comes last. */
export function framesIn(bytes: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = [];
  for (;;) {
    if (bytes.length < 2) break;
    let length = bytes[1]! & 0x7f;
    let at = 2;
    if (length === 126 && bytes.length >= 4) { length = bytes.readUInt16BE(2); at = 4; }
    else if (length === 127 && bytes.length >= 10) { length = Number(bytes.readBigUInt64BE(2)); at = 10; }
    else if (length >= 126) break;
    const key = bytes[1]! & 0x80 ? bytes.subarray(at, (at += 4)) : undefined;
    if (bytes.length < at + length) break;
    const payload = Buffer.from(bytes.subarray(at, at + length));
    if (key) for (let i = 0; i < length; i++) payload[i]! ^= key[i % 4]!;
    frames.push({ opcode: bytes[0]! & 0xf, fin: (bytes[0]! & 0x80) !== 0, rsv: (bytes[0]! >> 4) & 7, payload });
    bytes = bytes.subarray(at + length);
  }
  return { frames, rest: bytes };
}

/** What came back, in words: `text hello`, `binary 0102`, `ping`, `close 1002`. */
export function describeFrame({ opcode, fin, rsv, payload }: Frame): string {
  const names: Record<number, string> = { 0: 'continuation', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' };
  const isClose = opcode === CLOSE && payload.length >= 2;
  const what = isClose ? `${payload.readUInt16BE()}${payload.length > 2 ? ` ${payload.toString('utf8', 2)}` : ''}`
    : opcode === BINARY ? payload.toString('hex') : payload.toString();
  const marks = `${fin ? '' : ' unfinished'}${rsv ? ` rsv${rsv}` : ''}`;
  return `${names[opcode] ?? opcode}${what === '' ? '' : ` ${what}`}${marks}`;
}

export const HEAD = 'GET /chat HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';

/** A client that has done its handshake. */
export class RawClient {
  private bytes = Buffer.alloc(0);
  private wake: () => void = () => undefined;
  private ended = false;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => { this.bytes = Buffer.concat([this.bytes, chunk]); this.wake(); });
    socket.on('error', () => undefined);
    socket.on('close', () => { this.ended = true; this.wake(); });
  }

  /** What speaks over a stream whose handshake was done. */
  static over(stream: Duplex): RawClient {
    return new RawClient(stream as Socket);
  }

  static async to(server: Server, more = '', first: Buffer = Buffer.alloc(0), head = HEAD): Promise<RawClient> {
    const socket = connect(server.port, '127.0.0.1');
    socket.setNoDelay();
    const client = new RawClient(socket);
    socket.write(Buffer.concat([Buffer.from(`${head}${more}\r\n`), first]));
    await client.until(() => client.bytes.includes('\r\n\r\n'));
    return client;
  }

  /** The head of the server's answer, taken out. */
  head(): string {
    const end = this.bytes.indexOf('\r\n\r\n') + 4;
    const head = this.bytes.toString('latin1', 0, end);
    this.bytes = this.bytes.subarray(end);
    return head;
  }

  private async until(done: () => boolean): Promise<void> {
    while (!done() && !this.ended) await new Promise<void>((resolve) => { this.wake = resolve; });
  }

  send(...frames: Buffer[]): this {
    this.socket.write(Buffer.concat(frames));
    return this;
  }

  /** Byte by byte, each in a packet of its own as far as the system has it. */
  async trickle(bytes: Buffer): Promise<this> {
    for (const byte of bytes) {
      await new Promise<void>((resolve) => { this.socket.write(Buffer.from([byte]), () => { setImmediate(resolve); }); });
    }
    return this;
  }

  /** The next `n` frames. */
  async next(n = 1): Promise<string[]> {
    await this.until(() => framesIn(this.bytes).frames.length >= n);
    const { frames } = framesIn(this.bytes);
    const taken = frames.slice(0, n);
    this.bytes = Buffer.concat([...frames.slice(n).map((each) => frame(each.opcode, each.payload, { ...each, mask: false })), framesIn(this.bytes).rest]);
    return taken.map(describeFrame);
  }

  /** All frames up to the end of the stream. */
  async rest(): Promise<string[]> {
    await this.until(() => false);
    return framesIn(this.bytes).frames.map(describeFrame);
  }
}

/** A server whose handler gets the WebSocket. */
export function served(handler: (socket: WebSocket) => unknown, options: UpgradeOptions = {}, serveOptions: ServeOptions = {}) {
  return start((request) => {
    const socket = request.upgrade(options);
    handler(socket);
    return undefined;
  }, serveOptions);
}

/** Sends every message back. */
export function echo(socket: WebSocket): void {
  for (const message of socket) socket.send(message);
}

export const accept = (key: string): string => createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** A server that answers the handshake with `answer(key)` and then whatever `then` sends; its port. */
export async function rawServer(answer: (key: string, head: string) => string, then: (socket: Socket) => void = () => undefined): Promise<NodeServer & { port: number }> {
  const server = createServer((socket) => {
    let head = '';
    socket.on('error', () => undefined);
    const hear = (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', hear);
      socket.write(answer(/^sec-websocket-key: (.*)\r$/im.exec(head)?.[1] ?? '', head), 'latin1');
      then(socket);
    };
    socket.on('data', hear);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return Object.assign(server, { port: (server.address() as { port: number }).port });
}

export const switching = (key: string, more = ''): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(key)}\r\n${more}\r\n`;
