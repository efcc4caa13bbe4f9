import type { File } from '../../fs/file.js';
import { headFault, HttpClientError } from './errors.js';
import type { ClientLimits } from './limits.js';
import { COMPLETE, httpClientParse, told } from './native.js';

const LINE_FEED = 10;
/** Up to here a head that is not complete is looked at after each piece: what is no HTTP fails at once. */
const FIRST_BYTES = 256;
const LEAST_BUFFER = 4096;
const EMPTY = Buffer.alloc(0);

/**
 * What carries a request and its answer: a connection of HTTP/1, or a stream of one of HTTP/2. The answer comes in the form of HTTP/1
 * from either. Whatever a call here throws, the wire can only be closed afterwards.
 */
export abstract class Wire {
  /** How many requests it has carried, or its connection has, with this one. */
  used = 0;
  /** Whether a byte has come since the last request. */
  answered = false;
  /** Whether nothing comes behind the bytes that were read last; HTTP/1 leaves that to its framing. */
  ended = false;

  // The head that was read last, and what came behind it.
  bytes: Buffer = EMPTY;
  headLength = 0;
  status = 0;
  flags = 0;
  /** The Content-Length, or -1. */
  length = -1;

  /**
   * @param origin for messages
   * @param mark what the flags of its heads have besides
   */
  constructor(readonly origin: string, private readonly mark = 0) {}

  abstract get closed(): boolean;

  /** Ends the request, and what carries nothing else. Never parks. */
  abstract close(): void;

  /** Sends a head, and the body if that is `whole`; `more`: the body follows piece by piece. Parks. */
  abstract send(head: string, whole: string | Uint8Array | undefined, more: boolean): void;

  /** Sends bytes of the body. Parks. */
  abstract write(piece: string | Uint8Array): void;

  /** Sends a piece of `size` bytes of a body whose length the head does not say. Parks. */
  abstract writeChunk(piece: string | Uint8Array, size: number): void;

  /** Sends at most `n` bytes of a file from `at` on, and returns how many; 0 at its end. Parks. */
  abstract sendFile(file: File, at: number, n: number): number;

  /** The body is whole. Parks. @param chunked whether it was sent by {@link writeChunk} @param trailers lines behind it; then it was */
  abstract finish(chunked: boolean, trailers: string): void;

  /** What has arrived; null at the end. Parks. */
  abstract read(ms: number, what: 'HEADERS' | 'BODY'): Buffer | null;

  /** The lines behind the body, once that has ended, where they are not part of it. */
  abstract trailer(): Buffer | undefined;

  /** What has arrived; `told` tells of the head in it. Parks. */
  protected abstract receiveHead(ms: number, limits: Required<ClientLimits>): Buffer;

  /** Reads a head, which the fields here describe then. Parks. */
  readHead(ms: number, limits: Required<ClientLimits>): void {
    const bytes = this.receiveHead(ms, limits);
    this.answered = true;
    if (told[0] === COMPLETE) this.take(bytes);
    else this.readRest(bytes, bytes.length, ms, limits);
  }

  /** Reads the head behind an informational one. Parks. */
  readNextHead(ms: number, limits: Required<ClientLimits>): void {
    const rest = this.bytes.subarray(this.headLength);
    if (rest.length === 0) {
      this.readHead(ms, limits);
      return;
    }
    httpClientParse(rest, rest.length, told, limits.headBytes, limits.headerCount);
    if (told[0] === COMPLETE) this.take(rest);
    else this.readRest(rest, rest.length, ms, limits);
  }

  /** The native call has told of `length` bytes that they are no complete head. Parks. */
  private readRest(bytes: Buffer, length: number, ms: number, limits: Required<ClientLimits>): void {
    const until = performance.now() + ms;
    let gathered = bytes;
    while (told[0] !== COMPLETE) {
      if (told[0]! < 0) throw headFault(told[1]!, this.origin);
      const more = this.read(ms < 0 ? ms : Math.max(1, until - performance.now()), 'HEADERS');
      if (more === null) {
        throw new HttpClientError('ERR_HTTP_CLIENT_TRUNCATED', `the answer of ${this.origin} ends within its head`);
      }
      // The first piece is the memory of other Buffers, too.
      if (gathered === bytes || length + more.length > gathered.length) {
        const grown = Buffer.allocUnsafeSlow(Math.max(2 * (length + more.length), LEAST_BUFFER));
        gathered.copy(grown, 0, 0, length);
        gathered = grown;
      }
      more.copy(gathered, length);
      length += more.length;
      // A head is parsed from its beginning each time, which is done once a line, not once for each byte of a slow sender.
      if (length > FIRST_BYTES && length < limits.headBytes && !more.includes(LINE_FEED)) continue;
      httpClientParse(gathered, length, told, limits.headBytes, limits.headerCount);
    }
    this.take(gathered.subarray(0, length));
  }

  private take(bytes: Buffer): void {
    this.bytes = bytes;
    this.headLength = told[1]!;
    this.status = told[2]!;
    this.flags = told[3]! | this.mark;
    this.length = told[4]!;
  }

  protected timedOut(ms: number, what: 'HEADERS' | 'BODY'): HttpClientError {
    const part = what === 'BODY' ? 'nothing more of the body' : 'no head';
    return new HttpClientError(`ERR_HTTP_CLIENT_${what}_TIMEOUT`, `${part} has come from ${this.origin} within ${String(Math.ceil(ms))} ms`);
  }
}
