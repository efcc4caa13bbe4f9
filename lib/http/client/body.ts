import { atOnce, codingsOf, decompressed, type Decompression } from './decompress.js';
import { HttpClientError, isDisconnection } from './errors.js';
import { CHUNKED_STATE, COMPLETE, httpClientDecode, httpClientFields, told } from './native.js';
import type { Pool } from './pool.js';
import type { Upload } from './upload.js';
import type { Wire } from './wire.js';

const EMPTY = Buffer.alloc(0);
/** What `discard` reads at most, to keep the connection: more costs more than a new one. */
const MOST_DISCARDED = 64 * 1024;
const BYTE_ORDER_MARK = 0xfeff;

/** Connections whose answer was dropped without having been read. */
interface Abandoned {
  pool: Pool;
  wire: Wire;
  upload: Upload | undefined;
}

const abandoned = new FinalizationRegistry<Abandoned>(({ pool, wire, upload }) => {
  upload?.stop();
  pool.drop(wire);
});

/**
 * The body of an answer: whole, or as a loop over its pieces, once. When it has been read to its end, the connection takes the next
 * request. One that is left before its end closes the connection, or over HTTP/2 its stream: by `break`, by {@link discard}, by `using`,
 * by an error.
 *
 * Calls that read park, and throw HttpClientError: `ERR_HTTP_CLIENT_TRUNCATED` when the connection ends before the body does,
 * `ERR_HTTP_CLIENT_CHUNK`, `ERR_HTTP_CLIENT_BODY_TIMEOUT`, `ERR_HTTP_CLIENT_BODY_TOO_LARGE`, `ERR_HTTP_CLIENT_DECODING`,
 * `ERR_HTTP_CLIENT_BODY_IN_USE` when it was read before; CancelledError, TimeoutError, the system's errors.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { serve } from 'stackful/http';
 * import { request } from 'stackful/http/client';
 *
 * const server = serve(() => ({ body: ['one ', 'two ', 'three'] }), { host: '127.0.0.1' });
 * await spawn(() => {
 *   let text = '';
 *   for (const piece of request(`http://127.0.0.1:${server.port}/`).body) text += String(piece);
 *   console.log(text); // one two three
 * });
 * await server.close();
 * ```
 */
export class Body implements Iterable<Buffer>, Disposable {
  /** Undefined once the body has ended or failed. */
  private wire: Wire | undefined;
  private received: Buffer = EMPTY;
  /** The payload that has arrived and was not taken: `received[from, to)`. */
  private from = 0;
  private to = 0;
  /** The bytes to come; -1: in chunks. */
  private left = 0;
  private decoder: Uint8Array | undefined;
  private trailer: Buffer | undefined;
  private reusable = false;
  private failure: { error: unknown } | undefined;
  private decompression: Decompression | undefined;
  private taken = 0;
  private used = false;

  /** @internal */
  constructor(
    private readonly pool: Pool,
    wire: Wire | undefined,
    private readonly upload: Upload | undefined,
    private readonly ms: number,
    private readonly most: number,
  ) {
    this.wire = wire;
  }

  /**
   * The head was read.
   *
   * @param bytes what has arrived; the body begins at `from`
   * @param length Infinity: to the end of the stream; -1: in chunks
   * @internal
   */
  begin(bytes: Buffer, from: number, length: number, chunked: boolean, reusable: boolean): void {
    this.left = length;
    this.reusable = reusable;
    if (chunked) this.decoder = new Uint8Array(CHUNKED_STATE);
    if (length !== Infinity && length > this.most) {
      this.fail(this.tooLarge());
      return;
    }
    this.absorb(bytes, from);
    // Nothing else holds on to it from here on but its caller.
    if (this.wire) abandoned.register(this, { pool: this.pool, wire: this.wire, upload: this.upload }, this);
  }

  /** Has the body decompressed, if the coding is known. @internal */
  decompress(field: string): void {
    const codings = codingsOf(field);
    if (!codings) return;
    const whole = this.wire ? undefined : atOnce(codings, this.received.subarray(this.from, this.to));
    if (whole && whole.length <= this.most) {
      this.received = whole;
      this.from = 0;
      this.to = whole.length;
    } else {
      this.decompression = decompressed(codings, () => this.receive());
    }
  }

  /** Whether it was read, or is being read. */
  get bodyUsed(): boolean {
    return this.used;
  }

  /** Whether all of it has arrived: reading it does not wait for the server. */
  get arrived(): boolean {
    return this.wire === undefined && !this.failure && !this.decompression;
  }

  /** Fields that came behind a body in chunks; by name in lower case, empty before the body has ended. */
  get trailers(): Readonly<Record<string, string>> {
    const trailers: Record<string, string> = {};
    const list = this.trailer ? httpClientFields(this.trailer, this.trailer.length, true) : [];
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i]!.toLowerCase();
      trailers[name] = Object.hasOwn(trailers, name) ? `${trailers[name]!}, ${list[i + 1]!}` : list[i + 1]!;
    }
    return trailers;
  }

  /** The whole body. Parks. */
  bytes(): Buffer {
    this.use();
    const pieces: Buffer[] = [];
    for (let piece = this.next(); piece !== null; piece = this.next()) pieces.push(piece);
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  /** The whole body as UTF-8, without a byte order mark. Parks. */
  text(): string {
    if (this.arrived && !this.used && this.to - this.from <= this.most) {
      this.used = true;
      return withoutMark(this.received.toString('utf8', this.from, this.to));
    }
    return withoutMark(this.bytes().toString('utf8'));
  }

  /** The whole body, parsed as JSON. Parks; throws SyntaxError, too. */
  json(): unknown {
    return JSON.parse(this.text()) as unknown;
  }

  /** The body in pieces, as they come. Each step parks. */
  *[Symbol.iterator](): Generator<Buffer, void, undefined> {
    this.use();
    try {
      for (let piece = this.next(); piece !== null; piece = this.next()) yield piece;
    } finally {
      this.abandon();
    }
  }

  /** Reads the rest, if it is small, and drops it, so that the connection can be used again; closes it otherwise. Parks. */
  discard(): void {
    this.used = true;
    let dropped = this.to - this.from;
    try {
      while (this.wire && dropped <= MOST_DISCARDED && this.left <= MOST_DISCARDED) dropped += this.receive()?.length ?? 0;
    } catch (error) {
      if (!(error instanceof HttpClientError) && !isDisconnection(error)) throw error;
    } finally {
      this.abandon();
    }
  }

  /** For `using`: closes the connection if the body has not come to its end. Never parks. */
  [Symbol.dispose](): void {
    this.used = true;
    this.abandon();
  }

  private use(): void {
    if (this.used) throw new HttpClientError('ERR_HTTP_CLIENT_BODY_IN_USE', 'this body is being read, or was read before');
    this.used = true;
  }

  /** The next piece, of the body as its reader wants it; null at its end. Parks. */
  private next(): Buffer | null {
    const piece = this.decompression ? this.decompression.next() : this.receive();
    if (piece === null) return null;
    this.taken += piece.length;
    if (this.taken > this.most) throw this.fail(this.tooLarge());
    return piece;
  }

  /** The next piece as it was sent, without chunks; null at the end. Parks. */
  private receive(): Buffer | null {
    for (;;) {
      if (this.to > this.from) {
        const piece = this.received.subarray(this.from, this.to);
        this.from = this.to;
        return piece;
      }
      if (this.failure) throw this.failure.error;
      const { wire } = this;
      if (!wire) return null;
      let bytes: Buffer | null;
      try {
        bytes = wire.read(this.ms, 'BODY');
      } catch (error) {
        throw this.fail(this.upload?.failure?.error ?? error);
      }
      if (bytes) {
        if (wire.ended) this.left = bytes.length;
        this.absorb(bytes, 0);
      } else if (this.left === Infinity) {
        this.end(true);
      } else {
        throw this.fail(new HttpClientError('ERR_HTTP_CLIENT_TRUNCATED', `the body from ${wire.origin} is not whole`));
      }
    }
  }

  /** Takes in what has arrived from `from` on. Throws nothing: what is malformed is told behind the payload before it. */
  private absorb(bytes: Buffer, from: number): void {
    this.received = bytes;
    this.from = from;
    if (this.decoder) {
      this.decode(this.decoder, bytes, from);
      return;
    }
    this.to = Math.min(bytes.length, from + this.left);
    this.left -= this.to - from;
    if (this.left === 0) this.end(this.to === bytes.length);
  }

  private decode(decoder: Uint8Array, bytes: Buffer, from: number): void {
    httpClientDecode(decoder, bytes, from, bytes.length, told);
    const [outcome, behind, payload, trailerFrom, trailerTo] = told as unknown as [number, number, number, number, number];
    this.to = from + payload;
    if (trailerTo > trailerFrom) {
      const part = Buffer.from(bytes.subarray(trailerFrom, trailerTo));
      this.trailer = this.trailer ? Buffer.concat([this.trailer, part]) : part;
    }
    if (outcome === COMPLETE) this.end(behind === bytes.length);
    else if (outcome < 0) this.fail(new HttpClientError('ERR_HTTP_CLIENT_CHUNK', `a malformed chunk from ${this.wire!.origin}`));
  }

  /** The body has ended. @param clean whether nothing came behind it */
  private end(clean: boolean): void {
    const { wire, upload } = this;
    this.wire = undefined;
    abandoned.unregister(this);
    upload?.stop();
    if (clean) this.trailer ??= wire!.trailer();
    if (clean && this.reusable && (!upload || upload.done)) this.pool.give(wire!);
    else this.pool.drop(wire!);
  }

  /** The body cannot be read any further. Returns `error`. */
  private fail(error: unknown): unknown {
    this.failure ??= { error };
    this.abandon();
    return error;
  }

  private abandon(): void {
    this.decompression?.close();
    if (!this.wire) return;
    this.failure ??= { error: new HttpClientError('ERR_HTTP_CLIENT_BODY_IN_USE', 'this body was left before its end') };
    this.end(false);
  }

  private tooLarge(): HttpClientError {
    return new HttpClientError('ERR_HTTP_CLIENT_BODY_TOO_LARGE', `the body has more than ${String(this.most)} bytes`);
  }
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}
