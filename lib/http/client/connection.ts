import type { File } from '../../fs/file.js';
import { readiness } from '../../internal/readiness.js';
import { EAGAIN, ETIMEDOUT } from '../../internal/results.js';
import type { Socket } from '../../net/socket.js';
import { TlsSocket } from '../../tls/socket.js';
import { closedEarly, isDisconnection } from './errors.js';
import type { ClientLimits } from './limits.js';
import { asSent } from './lines.js';
import { httpClientRead, httpClientReadHead, httpClientSend, told } from './native.js';
import { Wire } from './wire.js';

/** One connection of HTTP/1. */
export class ClientConnection extends Wire {
  /** The pool's count of its rounds when this became idle. */
  idleSince = 0;

  /** @param origin for messages */
  constructor(
    readonly socket: Socket,
    origin: string,
  ) {
    super(origin);
  }

  /** Whether the next request can be sent: nothing has come unasked, and the peer has not ended the connection. Never parks. */
  get quiet(): boolean {
    const { handle } = this.socket;
    return handle >= 0 && readiness.netReady(handle, false) === 0;
  }

  get closed(): boolean {
    return this.socket.closed;
  }

  close(): void {
    this.socket.close();
  }

  /** What the last connection to the same server can be resumed with. */
  get session(): Buffer | undefined {
    return this.socket instanceof TlsSocket ? this.socket.getSession() : undefined;
  }

  send(head: string, whole: string | Uint8Array | undefined): void {
    if (whole === undefined) {
      const result = httpClientSend(this.socket.handle, head);
      if (result < 0) this.socket.fail(result, 'socket.write', 'write');
      return;
    }
    try {
      this.socket.writev([asSent(head), whole]);
    } catch (error) {
      // A server may refuse a request after its first bytes, and end the connection behind its answer.
      if (!isDisconnection(error)) throw error;
    }
  }

  write(piece: string | Uint8Array): void {
    this.socket.write(piece);
  }

  writeChunk(piece: string | Uint8Array, size: number): void {
    this.socket.writev([`${size.toString(16)}\r\n`, piece, '\r\n']);
  }

  sendFile(file: File, at: number, n: number): number {
    return this.socket.sendFile(file, at, n);
  }

  finish(chunked: boolean, trailers: string): void {
    if (chunked) this.socket.write(asSent(`0\r\n${trailers}\r\n`));
  }

  read(ms: number, what: 'HEADERS' | 'BODY'): Buffer | null {
    for (;;) {
      const result = httpClientRead(this.socket.handle, ms);
      if (typeof result !== 'number') return result;
      if (result === 0) return null;
      if (result !== EAGAIN) this.fail(result, ms, what);
    }
  }

  trailer(): undefined {
    return undefined;
  }

  protected receiveHead(ms: number, limits: Required<ClientLimits>): Buffer {
    for (;;) {
      const bytes = httpClientReadHead(this.socket.handle, ms, told, limits.headBytes, limits.headerCount);
      if (typeof bytes !== 'number') return bytes;
      if (bytes === 0) throw closedEarly(this.origin);
      if (bytes !== EAGAIN) this.fail(bytes, ms, 'HEADERS');
    }
  }

  private fail(code: number, ms: number, what: 'HEADERS' | 'BODY'): never {
    if (code === ETIMEDOUT) throw this.timedOut(ms, what);
    this.socket.fail(code, 'request', 'read');
  }
}
