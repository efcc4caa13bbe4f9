import { isUtf8 } from 'node:buffer';

import { spawn } from '../coroutine/coroutine.js';
import { CancelledError } from '../coroutine/errors.js';
import { shield } from '../coroutine/shield.js';
import { withSignal } from '../coroutine/signal.js';
import { timeout } from '../coroutine/timeout.js';
import { fail } from '../internal/codes.js';
import { current } from '../internal/current.js';
import { checkpoint, signalIn, type ParkOptions } from '../internal/parking.js';
import { EAGAIN, KERNEL_TIMED_OUT } from '../internal/results.js';
import type { Carrier } from './carrier.js';
import {
  ABNORMAL, closePayload, GOING_AWAY, INTERNAL_ERROR, NO_CODE, NORMAL, parseClose, PROTOCOL_ERROR, TRY_AGAIN_LATER,
} from './close_codes.js';
import { WebSocketError } from './errors.js';
import {
  CLOSE, COMPRESSED_BYTES, COMPRESSED_TEXT, FINAL, PING, PONG, VIOLATIONS, wsFeed, wsFree, wsReceive, wsTake,
} from './native.js';
import { EMPTY, hasEndedEarly, Sending, type Agreement } from './sending.js';
import { NO_MEMORY, notUtf8, violationError } from './violations.js';

/** A message: text, or bytes. */
export type Message = string | Buffer;
/** How long a peer that has broken the protocol is listened to, so that the close frame reaches it, in milliseconds. */
const LINGER_MS = 1000;
/** How long the last frame of a cancelled handler may wait for room, in milliseconds. */
const LAST_WORDS_MS = 50;

const abandoned = new FinalizationRegistry<number>(wsFree);

/**
 * A WebSocket. {@link connect} makes one, and `request.upgrade()` of `stackful/http`.
 *
 * Several coroutines may send; messages are never mixed. Pings are answered, and a close of the peer is noticed, while a coroutine is in
 * `receive` (or `close`): a socket of which nothing is received answers none, and costs no coroutine of its own. Every call that parks
 * throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`) outside a coroutine, CancelledError (`ERR_CANCELLED`) and TimeoutError
 * (`ERR_TIMEOUT`) when it is interrupted, and {@link WebSocketError}.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { serve } from 'stackful/http';
 * import { connect } from 'stackful/websocket';
 *
 * const server = serve((request) => {
 *   const socket = request.upgrade();
 *   for (const message of socket) socket.send(`you said ${String(message)}`);
 * }, { host: '127.0.0.1' });
 * await spawn(() => {
 *   using socket = connect(`ws://127.0.0.1:${server.port}/`);
 *   socket.send('hello');
 *   console.log(socket.receive()); // you said hello
 *   socket.close(1000, 'done');
 *   console.log(socket.closeCode, socket.receive()); // 1000 null
 * });
 * await server.close();
 * ```
 */
export class WebSocket extends Sending implements Iterable<Message>, Disposable {
  private reason = '';
  private closeSent = false;
  private receiving = false;
  private silences = 0;

  /** @internal */
  constructor(carrier: Carrier, agreement: Agreement) {
    super(carrier, agreement);
    abandoned.register(this, this.record, this);
  }

  /** `closing` from the first close frame on, that of either side; `closed` when the connection is. */
  get state(): 'open' | 'closing' | 'closed' {
    return this.stage;
  }

  /**
   * The code of the peer's close frame, 1005 when that had none; 1006 when the connection ended without one; undefined before.
   */
  get closeCode(): number | undefined {
    return this.code;
  }

  /** The reason in the peer's close frame. */
  get closeReason(): string {
    return this.reason;
  }

  /**
   * The next message: a string for text, a Buffer for bytes; null when the WebSocket was closed, with a close frame. Answers pings on
   * the way. Parks.
   *
   * @throws WebSocketError when the connection ended otherwise, or the peer has broken the protocol; a further call throws it again
   */
  receive(options?: ParkOptions): Message | null {
    const signal = signalIn('websocket.receive', options);
    if (signal) return withSignal(signal, () => this.receive());
    // Another coroutine receives: this one is next.
    while (this.receiving) this.wait('websocket.receive');
    if (this.stage === 'closed') return this.atEnd();
    this.receiving = true;
    try {
      for (;;) {
        const found = wsReceive(this.record, this.handle, this.silences > 1 ? 0 : this.settings.pingInterval || -1);
        if (typeof found !== 'number') {
          if (this.silences > 0) this.silences = 0;
          return found;
        }
        const message = this.take(found);
        if (message !== undefined) return message;
      }
    } finally {
      this.receiving = false;
      this.waiting?.wakeAll();
    }
  }

  /** Messages, until it is closed. Parks; throws as {@link receive}. Leaving the loop does not close it. */
  [Symbol.iterator](): Iterator<Message, undefined> {
    return {
      next: () => {
        const message = this.receive();
        return message === null ? { done: true, value: undefined } : { done: false, value: message };
      },
    };
  }

  /**
   * Sends a close frame and waits for the peer's, for `closeTimeout` at most, then ends the connection; messages that come meanwhile and
   * that no coroutine receives are dropped. Does nothing to a closed one. Parks.
   *
   * @param code 1000 to 1003, 1007 to 1014, or one of the application's own from 3000 to 4999
   * @param reason at most 123 bytes of UTF-8
   * @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_INVALID_ARG_TYPE`); when it is interrupted, the connection has ended
   */
  close(code: number = NORMAL, reason = ''): void {
    const payload = closePayload(code, reason);
    if (this.stage === 'closed') return;
    checkpoint('websocket.close');
    try {
      timeout(this.settings.closeTimeout, () => { this.shakeHands(payload); }, () => { this.end(ABNORMAL); });
    } catch (error) {
      if (error instanceof WebSocketError) return;
      this.end(ABNORMAL);
      throw error;
    }
  }

  /** Ends the connection without a close frame; parked calls throw. Never parks. */
  terminate(): void {
    if (this.stage !== 'closed') this.end(ABNORMAL);
  }

  /**
   * For `using`: {@link close} in a coroutine, {@link terminate} elsewhere. In a coroutine it parks, as `close` does. A WebSocket that a
   * handler of a server has is left to the server, which closes it when the handler is done.
   */
  [Symbol.dispose](): void {
    if (this.server) return;
    if (current()) this.close();
    else this.terminate();
  }

  /** The handler that has it is done: see Successor of lib/http. Parks. @internal */
  over(failure: unknown): void {
    if (this.stage === 'closed') return;
    try {
      if (failure instanceof CancelledError) {
        const say = () => { this.sendClose(closePayload(GOING_AWAY, '')); };
        shield(() => { timeout(LAST_WORDS_MS, say, () => undefined); });
      } else {
        this.close(failure === undefined || failure instanceof WebSocketError ? NORMAL : INTERNAL_ERROR);
      }
    } catch {
      // The peer is gone, or does not read.
    }
    this.terminate();
  }

  /** Closes it, in a coroutine of its own. Neither parks nor throws. @internal */
  closeLater(code = GOING_AWAY): void {
    if (this.stage !== 'open') return;
    // One that is too slow gets nothing more.
    if (code === TRY_AGAIN_LATER) this.stage = 'closing';
    try {
      spawn(() => { this.close(code); }, { name: 'websocket close' }).promise.catch(() => undefined);
    } catch {
      this.terminate();
    }
  }

  /** What a number of `wsReceive` means: a message, null for the end, undefined to go on. */
  private take(found: number): Message | null | undefined {
    if (found < 0) return this.noBytes(found);
    if (found === 0) throw this.lost();
    this.silences = 0;
    switch (found) {
      case PING:
        if (this.stage === 'open') this.sendFrame(FINAL | PONG, wsTake(this.record, true)!, 'websocket.receive');
        return undefined;
      case PONG:
        return undefined;
      case CLOSE:
        return this.closedByPeer(wsTake(this.record, true)!);
      case COMPRESSED_TEXT:
      case COMPRESSED_BYTES:
        return this.decompressed(wsTake(this.record, false)!, found === COMPRESSED_TEXT);
      default:
        throw this.broke(violationError(found - VIOLATIONS));
    }
  }

  private decompressed(payload: Buffer, text: boolean): Message {
    try {
      const message = this.deflate!.decompress(payload, this.settings.maxMessageBytes);
      if (!text) return message;
      if (!isUtf8(message)) throw notUtf8();
      return message.toString();
    } catch (error) {
      if (error instanceof WebSocketError) throw this.broke(error);
      // Interrupted: the message is lost.
      this.end(ABNORMAL);
      throw error;
    }
  }

  /** `wsReceive` has returned a code. */
  private noBytes(code: number): undefined | null {
    if (this.stage === 'closed') return this.atEnd();
    if (code === EAGAIN) {
      const bytes = this.carrier.read();
      if (!bytes) throw this.lost();
      if (wsFeed(this.record, bytes) < 0) throw this.broke(violationError(NO_MEMORY));
      return undefined;
    }
    if (code === KERNEL_TIMED_OUT) {
      this.silences++;
      // An answer may have come while this thread did other things: one more look.
      if (this.silences === 2) return undefined;
      if (this.silences > 2) {
        const silent = `websocket.receive: nothing has come for ${String(2 * this.settings.pingInterval)} ms`;
        throw this.ended(new WebSocketError('ERR_WEBSOCKET_TIMEOUT', silent, ABNORMAL));
      }
      if (this.stage === 'open') this.sendFrame(FINAL | PING, EMPTY, 'websocket.receive');
      return undefined;
    }
    if (hasEndedEarly(code)) fail(code, 'websocket.receive');
    throw this.lost(this.causeOf(code, 'read'));
  }

  private atEnd(): null {
    if (this.failure) throw this.failure;
    return null;
  }

  private closedByPeer(payload: Buffer): null {
    const parsed = parseClose(payload);
    if ('wrong' in parsed) {
      throw this.broke(new WebSocketError(parsed.wrong === PROTOCOL_ERROR ? 'ERR_WEBSOCKET_PROTOCOL' : 'ERR_WEBSOCKET_INVALID_DATA',
        'websocket.receive: the close frame is malformed', parsed.wrong));
    }
    const { code, reason } = parsed;
    this.stage = 'closing';
    this.code = code;
    this.reason = reason;
    try {
      // With the same code, as RFC 6455 says.
      this.sendClose(code === NO_CODE ? EMPTY : payload.subarray(0, 2));
      this.carrier.end();
    } catch {
      // The peer is gone, or this coroutine is cancelled, which its next call tells: the close was heard all the same.
    }
    this.end(code, reason);
    return null;
  }

  private shakeHands(payload: Buffer): void {
    this.awaitQueue();
    this.sendClose(payload);
    while ((this.stage as string) !== 'closed') if (this.receive() === null) return;
  }

  /** Sends a close frame, unless one was sent. Parks. */
  private sendClose(payload: Uint8Array): void {
    if (this.closeSent) return;
    this.closeSent = true;
    this.stage = 'closing';
    this.sendFrame(FINAL | CLOSE, payload, 'websocket.close');
  }

  private lost(cause?: unknown): WebSocketError {
    const message = 'websocket.receive: the connection has ended without a close frame';
    return this.ended(new WebSocketError('ERR_WEBSOCKET_LOST', message, ABNORMAL, { cause }));
  }

  private ended(failure: WebSocketError): WebSocketError {
    this.failure = failure;
    this.end(ABNORMAL);
    return failure;
  }

  /** The peer has broken the protocol: it is told so. Parks. */
  private broke(failure: WebSocketError): WebSocketError {
    this.failure = failure;
    const say = () => {
      this.sendClose(closePayload(failure.closeCode, ''));
      this.carrier.end();
      // Unread bytes would make the system reset the connection, which destroys the close frame on its way.
      if (!this.carrier.closesCleanly) while (this.carrier.read());
    };
    try {
      timeout(LINGER_MS, say, () => undefined);
    } catch {
      // The peer is gone, or this coroutine is cancelled, which the next call tells.
    }
    this.end(failure.closeCode);
    return failure;
  }

  /** @internal */
  protected override end(code: number, reason = ''): void {
    if (this.stage === 'closed') return;
    this.stage = 'closed';
    this.code = code;
    this.reason = reason;
    const record = this.record;
    this.record = -1;
    abandoned.unregister(this);
    wsFree(record);
    this.carrier.close();
    this.waiting?.wakeAll();
  }
}
