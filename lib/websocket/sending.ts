import { spawn } from '../coroutine/coroutine.js';
import { withSignal } from '../coroutine/signal.js';
import { invalidType } from '../internal/arguments.js';
import { fail } from '../internal/codes.js';
import { ParkKind } from '../internal/kinds.js';
import { checkpoint, signalIn, WaitQueue, type ParkOptions } from '../internal/parking.js';
import { FLUSH_FAILED, isInterruption, KERNEL_TIMED_OUT, SOCKET_BROKEN, TLS_CUT_OFF, TLS_FAILED } from '../internal/results.js';
import type { Carrier } from './carrier.js';
import { ABNORMAL, NORMAL } from './close_codes.js';
import type { Deflate } from './deflate.js';
import { WebSocketError } from './errors.js';
import { BINARY, COMPRESSED, FINAL, PING, TEXT, wsFeed, wsFrame, wsOpen, wsSend } from './native.js';
import type { Settings } from './options.js';

/** What `send` takes: a message, or the pieces of one, which are all text or all bytes. */
export type Sendable = string | Uint8Array | Iterable<string | Uint8Array>;

/** The options of `send`. */
export interface SendOptions extends ParkOptions {
  /** Whether this message is compressed, where that was agreed upon. Default: when it has `threshold` bytes. */
  compress?: boolean;
}

/** How a handshake has ended. */
export interface Agreement {
  readonly server: boolean;
  readonly protocol: string;
  readonly deflate: Deflate | undefined;
  readonly settings: Settings;
  /** Bytes that came behind it. */
  readonly received?: Uint8Array;
}

const SEND_OPTIONS = new Set(['signal', 'compress']);
export const EMPTY = Buffer.alloc(0);
const MOST_PING_BYTES = 125;

/** Codes beside the system's that tell of the connection. */
const OF_CONNECTION = new Set([FLUSH_FAILED, KERNEL_TIMED_OUT, TLS_CUT_OFF, TLS_FAILED]);

/** Whether a call was ended early, so that its code says nothing of the connection. */
export function hasEndedEarly(code: number): boolean {
  return isInterruption(code) && !OF_CONNECTION.has(code);
}

/** A whole frame. */
export function frameOf(first: number, payload: string | Uint8Array, masked: boolean): Buffer {
  const frame = wsFrame(first, payload, masked);
  if (!frame) throw Object.assign(new Error('there is no memory for a frame'), { code: 'ENOMEM' });
  return frame;
}

/** A frame of a broadcast that waits for room, and the message, if it is compressed. */
interface Waiting {
  readonly frame: Uint8Array;
  readonly message: Uint8Array | undefined;
}

/** The sending half of a WebSocket. */
export abstract class Sending {
  /** The subprotocol that both sides have agreed upon; `''` when on none. */
  readonly protocol: string;
  /** @internal */
  protected readonly carrier: Carrier;
  /** @internal */
  protected readonly server: boolean;
  /** @internal */
  readonly deflate: Deflate | undefined;
  /** @internal */
  protected readonly settings: Settings;
  /** The number of native's record of what was received; -1 once it is closed. @internal */
  protected record: number;
  /** @internal */
  protected stage: 'open' | 'closing' | 'closed' = 'open';
  /** @internal */
  protected code: number | undefined;
  /** Why it has not ended with close frames. @internal */
  protected failure: WebSocketError | undefined;
  /** Coroutines that wait until another one is done. @internal */
  protected waiting: WaitQueue | undefined;
  /** The last error of a call that `failure` is not about. */
  private told: WebSocketError | undefined;
  /** A message is being sent that others have to wait for: one in pieces, or one to which the next may refer. */
  private occupied = false;
  /** Frames of broadcasts that wait for room. */
  private queue: Waiting[] | undefined;
  private queued = 0;

  /** @internal */
  constructor(carrier: Carrier, { server, protocol, deflate, settings, received }: Agreement) {
    this.carrier = carrier;
    this.server = server;
    this.protocol = protocol;
    this.deflate = deflate;
    this.settings = settings;
    this.record = wsOpen(server, deflate !== undefined, settings.maxMessageBytes, settings.borrow);
    if (received && received.length > 0) wsFeed(this.record, received);
  }

  /** Whether both sides may compress messages. */
  get compressed(): boolean {
    return this.deflate !== undefined;
  }

  /** How many bytes were sent, or broadcast to it, that the system does not have yet. */
  get bufferedBytes(): number {
    return this.queued + (this.carrier.buffered ?? 0);
  }

  /**
   * Sends a message: text for a string, bytes for a Uint8Array. The pieces of an iterable become the frames of one message, each sent
   * before the next is asked for. Returns when the system has taken it; while messages wait to be received that came in one packet
   * with the last one, small ones go out together, at the latest before the thread waits for anything. Parks while the peer does not
   * read.
   *
   * @throws WebSocketError `ERR_WEBSOCKET_CLOSED` after a close, `ERR_WEBSOCKET_LOST` when the connection has ended,
   *   `ERR_WEBSOCKET_BROKEN` when an earlier call was interrupted in the middle of a message
   */
  send(data: Sendable, options?: SendOptions): void {
    if (options) {
      const signal = signalIn('websocket.send', options, SEND_OPTIONS);
      if (signal) {
        withSignal(signal, () => { this.send(data, { ...options, signal: undefined }); });
        return;
      }
    }
    const text = typeof data === 'string';
    if (!text && !(data instanceof Uint8Array)) {
      this.sendPieces(data);
      return;
    }
    let message = data;
    if (this.occupied || this.queued > 0) {
      // A copy: the caller may change its own while this waits, and what a socket has lent it may be gone.
      if (typeof message !== 'string') message = Buffer.from(message);
      while (this.occupied || this.queued > 0) this.wait('websocket.send');
    }
    if (this.stage !== 'open') throw this.closedError();
    const first = FINAL | (text ? TEXT : BINARY);
    if (this.deflate && (options?.compress ?? message.length >= this.deflate.threshold)) {
      this.sendCompressed(this.deflate, first | COMPRESSED, message);
      return;
    }
    this.sendFrame(first, message, 'websocket.send');
  }

  private sendCompressed(deflate: Deflate, first: number, data: string | Uint8Array): void {
    if (!deflate.takesOver) {
      const payload = deflate.compress(data);
      // Compressing may have parked.
      while (this.occupied || this.queued > 0) this.wait('websocket.send');
      if (this.stage !== 'open') throw this.closedError();
      this.sendFrame(first, payload, 'websocket.send');
      return;
    }
    this.occupied = true;
    try {
      // A copy: the caller may change its own while this waits, and the peer's window would be another one then.
      const bytes = Buffer.from(data as Uint8Array);
      const payload = deflate.compress(bytes);
      if (this.stage !== 'open') throw this.closedError();
      this.sendFrame(first, payload, 'websocket.send');
      deflate.sent(bytes);
    } finally {
      this.occupied = false;
      this.waiting?.wakeAll();
    }
  }

  /** Sends a ping, with up to 125 bytes, which the peer sends back. `receive` takes no notice of the answer. Parks. */
  ping(data: string | Uint8Array = EMPTY): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    if (!(bytes instanceof Uint8Array) || bytes.length > MOST_PING_BYTES) throw invalidType('data', 'a string or bytes, 125 at most', data);
    if (this.stage !== 'open') throw this.closedError();
    this.sendFrame(FINAL | PING, bytes, 'websocket.ping');
  }

  /** Whether an error is one of this socket's, not of another one that a handler uses. @internal */
  hasThrown(error: unknown): boolean {
    return error !== undefined && (error === this.failure || error === this.told);
  }

  /** Whether frames made for it have a mask. @internal */
  get masks(): boolean {
    return !this.server;
  }

  /** Its socket's number for a broadcast; -1: frames have to be queued. @internal */
  get readyHandle(): number {
    return this.occupied || this.queued > 0 ? -1 : this.handle;
  }

  /**
   * Sends a frame behind those that wait already, in a coroutine of its own. False when more than `most` bytes would wait then. `message`:
   * what was compressed for it. Never parks.
   *
   * @internal
   */
  enqueue(frame: Uint8Array, most: number, message?: Uint8Array): boolean {
    if (this.queued > 0 && this.queued + frame.length > most) return false;
    this.queued += frame.length;
    if (this.queue) {
      this.queue.push({ frame, message });
      return true;
    }
    this.queue = [{ frame, message }];
    try {
      spawn(() => { this.drain(); }, { name: 'websocket broadcast' }).promise.catch(() => undefined);
    } catch {
      // No memory for a stack.
      this.emptyQueue();
      return false;
    }
    return true;
  }

  private drain(): void {
    while (this.occupied) this.wait('broadcast');
    try {
      // Behind a close frame no more may be sent.
      for (let next = this.queue!.shift(); next && this.stage === 'open'; next = this.queue!.shift()) {
        this.carrier.write(next.frame);
        if (next.message) this.deflate!.sent(next.message);
        this.queued -= next.frame.length;
      }
    } finally {
      // After an error nothing can be sent any more, which the next call tells.
      this.emptyQueue();
    }
  }

  private emptyQueue(): void {
    this.queue = undefined;
    this.queued = 0;
    this.waiting?.wakeAll();
  }

  /** Parks until no frames of broadcasts wait, or it closes. @internal */
  protected awaitQueue(): void {
    while (this.queued > 0 && this.stage === 'open') this.wait('websocket.close');
  }

  /** @internal */
  protected get handle(): number {
    return this.carrier.handle ?? -1;
  }

  /** Parks until a call is over that others wait for. @internal */
  protected wait(operation: string): void {
    (this.waiting ??= new WaitQueue()).park(ParkKind.other, operation);
  }

  private sendPieces(pieces: Iterable<string | Uint8Array>): void {
    if (typeof pieces !== 'object' || pieces === null || !(Symbol.iterator in pieces)) {
      throw invalidType('data', 'a string, a Uint8Array, or an iterable of those', pieces);
    }
    while (this.occupied || this.queued > 0) this.wait('websocket.send');
    if (this.stage !== 'open') throw this.closedError();
    checkpoint('websocket.send');
    this.occupied = true;
    let opcode = 0;
    try {
      for (const piece of pieces) {
        const kind = typeof piece === 'string' ? TEXT : piece instanceof Uint8Array ? BINARY : 0;
        if (kind === 0 || (opcode !== 0 && kind !== opcode)) {
          throw invalidType('piece', 'a string or a Uint8Array, as the first one', piece);
        }
        if (this.stage !== 'open') throw this.closedError();
        this.sendFrame(opcode === 0 ? kind : 0, piece, 'websocket.send');
        opcode = kind;
      }
      if (this.stage !== 'open') throw this.closedError();
      this.sendFrame(FINAL | (opcode === 0 ? TEXT : 0), EMPTY, 'websocket.send');
    } catch (error) {
      // What was sent is the beginning of a message that cannot be ended.
      if (opcode !== 0) this.breakOff();
      throw error;
    } finally {
      this.occupied = false;
      this.waiting?.wakeAll();
    }
  }

  private breakOff(): void {
    const broken = new WebSocketError('ERR_WEBSOCKET_BROKEN', 'websocket.send: an earlier message was broken off in the middle', ABNORMAL);
    if (this.stage === 'closed') return;
    this.failure = broken;
    this.end(ABNORMAL);
  }

  /** @internal */
  protected causeOf(code: number, syscall: string): unknown {
    try {
      if (this.carrier.fail) this.carrier.fail(code, `websocket.${syscall}`, syscall);
      fail(code, `websocket.${syscall}`, syscall);
    } catch (error) {
      return error;
    }
  }

  /** @internal */
  protected sendFrame(first: number, payload: string | Uint8Array, operation: string): void {
    const { handle } = this.carrier;
    if (handle === undefined) {
      this.carrier.write(frameOf(first, payload, this.masks));
      return;
    }
    const result = wsSend(this.record, handle, first, payload, !this.server);
    if (result < 0) this.failSend(result, operation);
  }

  private failSend(code: number, operation: string): never {
    if (code === SOCKET_BROKEN) {
      const message = `${operation}: an earlier call was interrupted in the middle of a frame`;
      throw (this.told = new WebSocketError('ERR_WEBSOCKET_BROKEN', message, ABNORMAL));
    }
    if (hasEndedEarly(code)) fail(code, operation);
    if (this.stage === 'closed') throw this.closedError();
    const cause = this.causeOf(code, 'write');
    throw (this.told = new WebSocketError('ERR_WEBSOCKET_LOST', `${operation}: the connection has ended`, ABNORMAL, { cause }));
  }

  /** @internal */
  protected closedError(): WebSocketError {
    return this.failure ?? (this.told = new WebSocketError('ERR_WEBSOCKET_CLOSED', 'the WebSocket is closed', this.code ?? NORMAL));
  }

  /** Closes the connection. Never parks. @internal */
  protected abstract end(code: number): void;
}
