import { spawn } from '../../../coroutine/coroutine.js';
import { StackMemoryError } from '../../../coroutine/errors.js';
import { fail } from '../../../internal/codes.js';
import type { Socket } from '../../../net/socket.js';
import { TlsSocket } from '../../../tls/socket.js';
import { outside } from '../outside.js';
import { connectionError, Failure, HTTP_1_1_REQUIRED } from './fate.js';
import {
  CHANGED, http2ClientClose, http2ClientNext, http2ClientOpen, http2ClientReason, http2ClientSendRest, SEND_REST,
} from './native.js';
import type { Http2Terms } from './options.js';
import { Http2Stream } from './stream.js';

const NONE = -1;
/** What a server takes before it has said so: what RFC 9113 recommends as the least, and nghttp2 assumes. */
const FIRST_STREAMS = 100;

/** What {@link http2ClientNext} says. Its values are read before anything else can run. */
const told = new Int32Array(4);

/**
 * A connection of HTTP/2, for any number of requests at a time. A coroutine of its own reads what comes:
 *
 *     open -> closing   the server takes no further streams (GOAWAY); those under way go on
 *          -> closed    it has ended or failed, or was closed here; streams under way have failed
 */
export class Http2Connection {
  number: number;
  /** Streams that are given out. */
  active = 0;
  /** How many requests it was given. */
  used = 0;
  /** The pool's count of its rounds when it became idle. */
  idleSince = 0;
  /** How many streams the server takes at a time; `settled`: as it has said itself. */
  most = FIRST_STREAMS;
  settled = false;
  /** Whether the server takes no further ones. */
  closing = false;
  /** Is called when one of these has changed, or it was closed. */
  changed: () => void = () => undefined;
  private reason = '';
  /** Of TLS, whose socket is closed by the time a request learns of it. */
  private failure: unknown;

  /** @throws StackMemoryError, and the socket is closed then */
  constructor(
    readonly socket: Socket,
    readonly origin: string,
    private readonly terms: Http2Terms,
  ) {
    const { streamWindow, headBytes, silentMs } = terms;
    this.number = http2ClientOpen(socket.handle, streamWindow, headBytes, silentMs, socket instanceof TlsSocket);
    try {
      if (this.number < 0) fail(this.number, 'request', 'connect');
      outside(() => spawn(() => { this.run(); }, { name: `http2 client of ${origin}` }));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get closed(): boolean {
    return this.number < 0;
  }

  /** How many more streams it can carry now. */
  get room(): number {
    return this.closed || this.closing ? 0 : this.most - this.active;
  }

  /** What the next connection to the same server can be resumed with. */
  get session(): Buffer | undefined {
    return this.socket instanceof TlsSocket && !this.socket.closed ? this.socket.getSession() : undefined;
  }

  /** Whether the server has ended it because it speaks HTTP/1.1 only, after all. */
  get wantsHttp1(): boolean {
    const reason = this.closed ? this.reason : http2ClientReason(this.number);
    return reason.startsWith(`GOAWAY with error ${String(HTTP_1_1_REQUIRED)}`);
  }

  /** Takes one of the room. */
  stream(): Http2Stream {
    this.active++;
    const stream = new Http2Stream(this, this.origin, this.terms.headBytes);
    stream.used = this.used++;
    return stream;
  }

  /** Ends the connection, and every stream with it. Never parks. */
  close(): void {
    const { number } = this;
    if (number >= 0) {
      this.number = NONE;
      this.closing = true;
      http2ClientClose(number);
    }
    this.socket.close();
    if (number >= 0) this.changed();
  }

  /** The error for a request that the end of the connection has ended. */
  errorFor(failure: Failure, code: number, answered: boolean): unknown {
    if (failure !== Failure.system) return connectionError(failure, this.reason, this.origin, answered);
    return this.failure ?? code;
  }

  /** Reads until the connection is over. Parks; never throws. */
  private run(): void {
    for (;;) {
      const { number } = this;
      if (number < 0) return;
      const what = http2ClientNext(number, told);
      if (this.closed) return;
      if (told[0]! >= 0) {
        this.most = told[0]!;
        this.settled = true;
      }
      this.closing = told[1] === 1;
      if (what === CHANGED) {
        this.changed();
      } else if (what === SEND_REST) {
        this.sendRest(number);
      } else {
        this.reason = http2ClientReason(number);
        if (told[2] as Failure === Failure.system) this.keepFailure(told[3]!);
        this.close();
        return;
      }
    }
  }

  private keepFailure(code: number): void {
    try {
      this.socket.fail(code, 'request', 'read');
    } catch (error) {
      this.failure = error;
    }
  }

  private sendRest(number: number): void {
    try {
      spawn(() => { http2ClientSendRest(number); }, { name: `http2 sender to ${this.origin}` });
    } catch (error) {
      if (!(error instanceof StackMemoryError)) throw error;
      // No memory for another stack: this coroutine sends, and reads nothing meanwhile.
      http2ClientSendRest(number);
    }
  }
}
