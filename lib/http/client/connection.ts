import { native } from '../../internal/native.js';
import { EAGAIN, ETIMEDOUT } from '../../internal/results.js';
import type { Socket } from '../../net/socket.js';
import { TlsSocket } from '../../tls/socket.js';
import { closedEarly, headFault, HttpClientError } from './errors.js';
import type { ClientLimits } from './limits.js';
import { COMPLETE, httpClientParse, httpClientRead, httpClientReadHead, told } from './native.js';

const LINE_FEED = 10;
/** Up to here a head that is not complete is looked at after each piece: what is no HTTP fails at once. */
const FIRST_BYTES = 256;
const LEAST_BUFFER = 4096;

/** One connection of HTTP/1. Whatever a call here throws, the connection can only be closed afterwards. */
export class ClientConnection {
  /** How many requests were sent. */
  used = 0;
  /** Whether a byte has come since the last request. */
  answered = false;
  /** The pool's count of its rounds when this became idle. */
  idleSince = 0;

  // The head that was read last, and what came behind it.
  bytes: Buffer;
  headLength = 0;
  status = 0;
  flags = 0;
  /** The Content-Length, or -1. */
  length = -1;

  /** @param origin for messages */
  constructor(
    readonly socket: Socket,
    readonly origin: string,
  ) {
    this.bytes = EMPTY;
  }

  /** Whether the next request can be sent: nothing has come unasked, and the peer has not ended the connection. Never parks. */
  get quiet(): boolean {
    const { handle } = this.socket;
    return handle >= 0 && native.netReady(handle, false) === 0;
  }

  close(): void {
    this.socket.close();
  }

  /** What the last connection to the same server can be resumed with. */
  get session(): Buffer | undefined {
    return this.socket instanceof TlsSocket ? this.socket.getSession() : undefined;
  }

  /** What has arrived; null at the end of the stream. Parks. */
  read(ms: number, what: 'HEADERS' | 'BODY'): Buffer | null {
    for (;;) {
      const result = httpClientRead(this.socket.handle, ms);
      if (typeof result !== 'number') return result;
      if (result === 0) return null;
      if (result !== EAGAIN) this.fail(result, ms, what);
    }
  }

  /** Reads a head, which its fields describe then. Parks. */
  readHead(ms: number, limits: Required<ClientLimits>): void {
    const bytes = httpClientReadHead(this.socket.handle, ms, told, limits.headBytes, limits.headerCount);
    if (typeof bytes !== 'number') {
      this.answered = true;
      if (told[0] === COMPLETE) this.take(bytes);
      else this.readRest(bytes, bytes.length, ms, limits);
    } else if (bytes === 0) {
      throw closedEarly(this.origin);
    } else if (bytes === EAGAIN) {
      this.readHead(ms, limits);
    } else {
      this.fail(bytes, ms, 'HEADERS');
    }
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
    this.flags = told[3]!;
    this.length = told[4]!;
  }

  private fail(code: number, ms: number, what: 'HEADERS' | 'BODY'): never {
    if (code === ETIMEDOUT) {
      const part = what === 'BODY' ? 'nothing more of the body' : 'no head';
      throw new HttpClientError(`ERR_HTTP_CLIENT_${what}_TIMEOUT`, `${part} has come from ${this.origin} within ${String(Math.ceil(ms))} ms`);
    }
    this.socket.fail(code, 'request', 'read');
  }
}

const EMPTY = Buffer.alloc(0);
