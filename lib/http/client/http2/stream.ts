import type { File } from '../../../fs/file.js';
import { fail } from '../../../internal/codes.js';
import { EAGAIN, EBADF, EPIPE, ETIMEDOUT } from '../../../internal/results.js';
import { closedEarly } from '../errors.js';
import type { ClientLimits } from '../limits.js';
import { told } from '../native.js';
import { Wire } from '../wire.js';
import type { Http2Connection } from './connection.js';
import { End, HTTP_1_1_REQUIRED, refused, streamError, wantsHttp1, type Failure } from './fate.js';
import {
  http2ClientFate, http2ClientFinish, http2ClientRead, http2ClientRelease, http2ClientRequest, http2ClientTrailers, http2ClientWrite,
} from './native.js';

/** The flag of a head that came over HTTP/2; native code sets lower ones. */
export const HTTP_2 = 16;

const NONE = -1;
/** Of a file, read and sent at a time. */
const PIECE = 64 * 1024;

/** A request on a connection of HTTP/2, and its answer. */
export class Http2Stream extends Wire {
  private number = NONE;
  private over = false;
  private piece: Buffer | undefined;

  /** @param headBytes the longest head that is taken, beside what a call says */
  constructor(
    readonly connection: Http2Connection,
    origin: string,
    private readonly headBytes: number,
  ) {
    super(origin, HTTP_2);
  }

  get closed(): boolean {
    return this.over;
  }

  close(): void {
    this.over = true;
    const { number } = this;
    this.number = NONE;
    if (number !== NONE) http2ClientRelease(number);
  }

  send(head: string, whole: string | Uint8Array | undefined, more: boolean): void {
    const result = http2ClientRequest(this.connection.number, head, whole, !more, this.headBytes);
    if (result === EPIPE || result === EAGAIN) throw refused(this.origin);
    if (result < 0) fail(result, 'request', 'write');
    this.number = result;
  }

  write(piece: string | Uint8Array): void {
    const result = http2ClientWrite(this.number, piece);
    if (result < 0) fail(result === EBADF ? EPIPE : result, 'request', 'write');
  }

  writeChunk(piece: string | Uint8Array): void {
    this.write(piece);
  }

  sendFile(file: File, at: number, n: number): number {
    this.piece ??= Buffer.allocUnsafeSlow(PIECE);
    const read = file.read(this.piece, 0, Math.min(n, PIECE), at);
    if (read > 0) this.write(this.piece.subarray(0, read));
    return read;
  }

  finish(_chunked: boolean, trailers: string): void {
    const result = http2ClientFinish(this.number, trailers);
    if (result < 0) fail(EPIPE, 'request', 'write');
  }

  read(ms: number, what: 'HEADERS' | 'BODY'): Buffer | null {
    const result = http2ClientRead(this.number, ms, told, 0, 0);
    if (typeof result !== 'number') {
      this.ended = told[5] === 1;
      return result;
    }
    if (result === 0) return null;
    this.fail(result, ms, what);
  }

  trailer(): Buffer | undefined {
    return this.number === NONE ? undefined : http2ClientTrailers(this.number);
  }

  protected receiveHead(ms: number, limits: Required<ClientLimits>): Buffer {
    const result = http2ClientRead(this.number, ms, told, limits.headBytes, limits.headerCount);
    if (typeof result !== 'number') {
      this.ended = told[5] === 1;
      return result;
    }
    if (result === 0) throw closedEarly(this.origin);
    this.fail(result, ms, 'HEADERS');
  }

  private fail(code: number, ms: number, what: 'HEADERS' | 'BODY'): never {
    if (code === ETIMEDOUT) throw this.timedOut(ms, what);
    if (code === EBADF) throw closedEarly(this.origin);
    if (code !== EPIPE) fail(code, 'request', 'read');
    http2ClientFate(this.number, told);
    const [end, error, failure, system] = told as unknown as [End, number, Failure, number];
    if ((end === End.reset && error === HTTP_1_1_REQUIRED) || (end === End.unprocessed && this.connection.wantsHttp1)) {
      throw wantsHttp1(this.origin);
    }
    if (end === End.connection) throw this.connection.errorFor(failure, system, this.answered);
    throw streamError(end, error, this.origin);
  }
}
