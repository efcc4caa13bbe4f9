// A client of node:http2, and one that sends frames by hand.
import http2, { type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import type { Server } from 'stackful/http';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  trailers: IncomingHttpHeaders | undefined;
}

const sessions: ClientHttp2Session[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** A session of node:http2 that ends with the test. */
export function session(server: Server, options: http2.ClientSessionOptions | http2.SecureClientSessionOptions = {}): ClientHttp2Session {
  const made = http2.connect(`${'ca' in options ? 'https' : 'http'}://localhost:${server.port}`, { lookup: toLoopback, ...options } as never);
  made.on('error', () => undefined);
  sessions.push(made);
  return made;
}

const toLoopback = (_name: string, options: { all?: boolean }, done: (error: null, address: unknown, family?: number) => void): void => {
  if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
  else done(null, '127.0.0.1', 4);
};

/** One request, and what comes back. Rejects when the stream is reset. */
export function ask(on: ClientHttp2Session, headers: OutgoingHttpHeaders | string, body?: string | Buffer): Promise<Answer> {
  const all = typeof headers === 'string' ? { ':path': headers } : headers;
  return new Promise((resolve, reject) => {
    const stream = on.request(all, { endStream: body === undefined });
    let head: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders | undefined;
    const parts: Buffer[] = [];
    stream.on('response', (given) => (head = given));
    stream.on('trailers', (given) => (trailers = given));
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('error', reject);
    stream.on('close', () => {
      if (stream.rstCode !== 0) reject(Object.assign(new Error('reset'), { rstCode: stream.rstCode }));
      else resolve({ status: Number(head[':status']), headers: head, body: Buffer.concat(parts).toString(), trailers });
    });
    if (body !== undefined) stream.end(body);
  });
}

export const Type = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, push: 5, ping: 6, goaway: 7, window: 8, continuation: 9, priorityUpdate: 16 } as const;
export const END_STREAM = 1;
export const END_HEADERS = 4;
export const ACK = 1;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array | string = ''): Buffer {
  const bytes = Buffer.from(payload as Uint8Array);
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, bytes]);
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

/** Fields as literals that are in no table (RFC 7541 section 6.2.2). */
export function fields(...pairs: [name: string, value: string][]): Buffer {
  const text = (value: string): Buffer[] => {
    const bytes = Buffer.from(value, 'latin1');
    if (bytes.length < 127) return [Buffer.from([bytes.length]), bytes];
    const length = [127];
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
    return [Buffer.from([...length, rest]), bytes];
  };
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0]), ...text(name), ...text(value)]));
}

export const get = (path: string, ...more: [string, string][]): Buffer =>
  fields([':method', 'GET'], [':scheme', 'http'], [':path', path], [':authority', 'localhost'], ...more);

export const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(Type.settings, 0, 0)]);

export interface Frame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

/** A connection by hand. */
export class Raw {
  readonly frames: Frame[] = [];
  ended = false;
  private rest = Buffer.alloc(0);
  private changed: () => void = () => undefined;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => { this.take(chunk); });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
      this.changed();
    });
  }

  static async open(server: Server, first: Buffer = PREFACE): Promise<Raw> {
    const socket = connect(server.port, '127.0.0.1');
    sockets.push(socket);
    const raw = new Raw(socket);
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(first);
    return raw;
  }

  send(...parts: Buffer[]): this {
    this.socket.write(Buffer.concat(parts));
    return this;
  }

  /** The first frame for which it holds; undefined when the connection ends before. */
  async until(matches: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (;;) {
      const found = this.frames.find(matches);
      if (found || this.ended) return found;
      await new Promise<void>((resolve) => (this.changed = resolve));
    }
  }

  /** What a GOAWAY says, or undefined when the connection ends without. */
  async goaway(): Promise<number | undefined> {
    return (await this.until(({ type, payload }) => type === Type.goaway && payload.readUInt32BE(0) !== 2 ** 31 - 1))?.payload.readUInt32BE(4);
  }

  /** What a RST_STREAM says of `stream`. */
  async reset(stream: number): Promise<number | undefined> {
    return (await this.until((frame) => frame.type === Type.reset && frame.stream === stream))?.payload.readUInt32BE(0);
  }

  async end(): Promise<void> {
    await this.until(() => false);
  }

  /** The bytes of DATA of a stream so far. */
  data(stream: number): Buffer {
    return Buffer.concat(this.frames.filter((frame) => frame.type === Type.data && frame.stream === stream).map(({ payload }) => payload));
  }

  private take(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    while (this.rest.length >= 9) {
      const length = this.rest.readUIntBE(0, 3);
      if (this.rest.length < 9 + length) break;
      const [type, flags, stream] = [this.rest[3]!, this.rest[4]!, this.rest.readUInt32BE(5)];
      this.frames.push({ type, flags, stream, payload: this.rest.subarray(9, 9 + length) });
      this.rest = this.rest.subarray(9 + length);
    }
    this.changed();
  }
}
