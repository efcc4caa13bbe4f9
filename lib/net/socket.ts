import { withSignal } from '../coroutine/signal.js';
import { INT_MAX, integerIn, invalidType, invalidValue } from '../internal/arguments.js';
import { checkpoint, signalIn, type ParkOptions } from '../internal/parking.js';
import { EAGAIN } from '../internal/results.js';
import { receiveDescriptors, sendDescriptors, type Passable, type ReceivedDescriptors } from './descriptors.js';
import { DELIMITED, exactly, line, until, type DelimiterOptions } from './buffered.js';
import { failSocket } from './failure.js';
import { SocketClosedError } from './errors.js';
import { CLOSED, netAdopt, netClose, netLookAgain, netRead, netReadInto } from './native.js';
import { Sending } from './sending.js';
import { Surplus } from './surplus.js';

export type { DelimiterOptions } from './buffered.js';

/** The most bytes of one read. */
const CHUNK = 64 * 1024;

/** Closes sockets that are collected without having been closed. */
const abandoned = new FinalizationRegistry<number>(netClose);

/**
 * A connection. {@link connect} and listeners make one.
 *
 * Several coroutines may use one socket at the same time; the bytes of two writes are never mixed, and what one reader has received
 * and not taken is the next one's. Every call but `close` throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`) outside a coroutine,
 * CancelledError (`ERR_CANCELLED`) and TimeoutError (`ERR_TIMEOUT`) when it is interrupted, SocketClosedError
 * (`ERR_SOCKET_CLOSED`) after `close`, and the system's errors with Node's codes (`ECONNRESET`, `EPIPE`, ...).
 */
export class Socket extends Sending implements Iterable<Buffer>, Disposable {
  /** @internal */
  readonly surplus = new Surplus();
  private readonly allowHalfOpen: boolean;
  /** How many coroutines are in a native call that waits for bytes. @internal */
  receiving = 0;

  /** @internal */
  constructor(handle: number, allowHalfOpen = true) {
    super(handle);
    this.allowHalfOpen = allowHalfOpen;
    abandoned.register(this, handle, this);
  }

  /**
   * Gives the connection to another object, with the bytes that were received and not returned yet; this socket is closed then.
   * Parks to send what writes have put off.
   *
   * @internal
   */
  release(operation: string): { handle: number; received: Buffer; allowHalfOpen: boolean } {
    this.ensureOpen(operation);
    if (this.buffered > 0) this.flush();
    this.ensureOpen(operation);
    const { handle, surplus, allowHalfOpen } = this;
    this.handle = CLOSED;
    abandoned.unregister(this);
    return { handle, received: surplus.take(surplus.length), allowHalfOpen };
  }

  /**
   * A socket for a descriptor of a connected TCP or Unix socket, which it takes over: one that was received, or that the process was
   * started with. Never parks.
   *
   * @throws TypeError, RangeError for what is no descriptor; `EBADF`, `ENOTSOCK`, `EINVAL` for one of another kind
   */
  static from(fd: number): Socket {
    const result = netAdopt(integerIn('fd', fd, 0, INT_MAX), false);
    return result < 0 ? failSocket(fd, result, 'Socket.from', 'getsockopt') : new Socket(result);
  }

  /** How many bytes were received and not yet returned to a caller. @internal */
  override get unread(): number {
    return this.surplus.length;
  }

  /**
   * The bytes that have arrived, at least one and at most `max` (never more than 65536); null at the end of
   * the stream. Parks.
   */
  read(max: number = CHUNK, options?: ParkOptions): Buffer | null {
    const signal = signalIn('socket.read', options);
    if (signal) return withSignal(signal, () => this.read(max));
    if (max !== CHUNK) integerIn('max', max, 1, Number.MAX_SAFE_INTEGER);
    for (;;) {
      if (this.surplus.length > 0) checkpoint('socket.read');
      // Another reader may have taken it while this one was parked.
      if (this.surplus.length > 0) return this.takeSurplus(max, 'socket.read');
      this.receiving++;
      const result = netRead(this.handle, max);
      this.receiving--;
      if (typeof result !== 'number') return result;
      if (result === EAGAIN) continue;
      if (result < 0) this.fail(result, 'socket.read', 'read');
      this.endOfStream();
      return null;
    }
  }

  /**
   * Like {@link read}, into a buffer of yours. Returns the number of bytes; 0 at the end of the stream. Parks.
   */
  readInto(buffer: Uint8Array, options?: ParkOptions): number {
    const signal = signalIn('socket.readInto', options);
    if (signal) return withSignal(signal, () => this.readInto(buffer));
    if (!(buffer instanceof Uint8Array))
      throw invalidType('buffer', 'an instance of Buffer or Uint8Array', buffer);
    if (buffer.length === 0) throw invalidValue('buffer', 'not empty', buffer);
    if (this.surplus.length > 0) checkpoint('socket.readInto');
    return this.receiveInto(buffer, 0, 'socket.readInto');
  }

  /**
   * Exactly `n` bytes. Parks.
   *
   * @throws EndOfStreamError (`ERR_END_OF_STREAM`) when the stream ends before; the bytes that have arrived
   *   can still be read
   */
  readExactly(n: number, options?: ParkOptions): Buffer {
    const signal = signalIn('socket.readExactly', options);
    if (signal) return withSignal(signal, () => this.readExactly(n));
    integerIn('n', n, 0, Number.MAX_SAFE_INTEGER);
    try {
      return exactly(this, n, 'socket.readExactly');
    } finally {
      this.shareSurplus();
    }
  }

  /**
   * The text (UTF-8) up to the next line feed, without it and without a carriage return before it; null at
   * the end of the stream. A last line without a line feed counts. Parks.
   *
   * @throws ReadLimitError (`ERR_READ_LIMIT`)
   */
  readLine(options?: DelimiterOptions): string | null {
    const signal = signalIn('socket.readLine', options, DELIMITED);
    if (signal) {
      return withSignal(signal, () => this.readLine({ ...options, signal: undefined }));
    }
    try {
      return line(this, options?.limit, 'socket.readLine');
    } finally {
      this.shareSurplus();
    }
  }

  /**
   * The bytes up to and including the next `delimiter`; null at the end of the stream. When the stream ends
   * without a delimiter, the last bytes are returned without it. Parks.
   *
   * @param delimiter text, bytes, or one byte as a number
   * @throws ReadLimitError (`ERR_READ_LIMIT`)
   */
  readUntil(delimiter: string | Uint8Array | number, options?: DelimiterOptions): Buffer | null {
    const signal = signalIn('socket.readUntil', options, DELIMITED);
    if (signal) {
      return withSignal(signal, () => this.readUntil(delimiter, { ...options, signal: undefined }));
    }
    try {
      return until(this, delimiter, options?.limit, 'socket.readUntil');
    } finally {
      this.shareSurplus();
    }
  }

  /**
   * Sends copies of open descriptors over a Unix socket, with `data`: they arrive with its first byte. The originals stay open here.
   * Parks; throws as {@link write}, and TypeError for anything but 1 to 253 descriptors, sockets, listeners and files.
   */
  sendDescriptors(list: readonly Passable[], data: string | Uint8Array = '\0', options?: ParkOptions): void {
    sendDescriptors(this, list, data, options);
  }

  /**
   * Like {@link read}, with the descriptors that came with those bytes, in order: numbers that are the caller's to close (or to give to
   * `Socket.from` or `listen({ fd })`). A read of another kind has the system close them. Null at the end of the stream. Parks.
   *
   * @throws DescriptorsLostError (`ERR_DESCRIPTORS_LOST`) when this process had no room for all of them: those that came are closed,
   *   the bytes can still be read
   */
  receiveDescriptors(max: number = CHUNK, options?: ParkOptions): ReceivedDescriptors | null {
    return receiveDescriptors(this, integerIn('max', max, 1, Number.MAX_SAFE_INTEGER), options);
  }

  /**
   * Closes the connection. Every call that is parked on it throws a SocketClosedError. Bytes that writes have put off are sent
   * before; if the system does not take them now, the connection is closed when it has. Never parks.
   */
  close(): void {
    const handle = this.handle;
    if (handle === CLOSED) return;
    this.handle = CLOSED;
    this.surplus.drop(this.surplus.length);
    abandoned.unregister(this);
    netClose(handle);
  }

  /** For `using`: {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Chunks, until the end of the stream. Parks. Leaving the loop does not close the socket. */
  [Symbol.iterator](): Iterator<Buffer, undefined> {
    return {
      next: () => {
        const chunk = this.read();
        return chunk === null ? { done: true, value: undefined } : { done: false, value: chunk };
      },
    };
  }

  private takeSurplus(max: number, operation: string): Buffer {
    this.ensureOpen(operation);
    const taken = this.surplus.take(Math.min(max, this.surplus.length));
    this.shareSurplus();
    return taken;
  }

  /** The call that ends leaves bytes: a coroutine that waits for some looks at them, whatever else comes. @internal */
  shareSurplus(): void {
    if (this.receiving > 0 && this.surplus.length > 0) netLookAgain(this.handle);
  }

  /** @internal */
  ensureOpen(operation: string): void {
    if (this.handle === CLOSED) throw new SocketClosedError(operation);
  }

  /** Receives bytes into the surplus, or another coroutine has done it; false at the end of the stream. Parks. @internal */
  receive(operation: string): boolean {
    this.receiving++;
    const result = netRead(this.handle, CHUNK);
    this.receiving--;
    if (typeof result !== 'number') {
      this.surplus.add(result);
      return true;
    }
    if (result === EAGAIN) return true;
    if (result < 0) this.fail(result, operation, 'read');
    this.endOfStream();
    return false;
  }

  /** Parks. @internal */
  receiveInto(buffer: Uint8Array, offset: number, operation: string): number {
    let result: number;
    do {
      if (this.surplus.length > 0) {
        this.ensureOpen(operation);
        const n = Math.min(this.surplus.length, buffer.length - offset);
        this.surplus.copyTo(buffer.subarray(offset), n);
        this.shareSurplus();
        return n;
      }
      this.receiving++;
      result = netReadInto(this.handle, buffer, offset, buffer.length - offset);
      this.receiving--;
    } while (result === EAGAIN);
    if (result < 0) this.fail(result, operation, 'read');
    if (result === 0 && buffer.length > offset) this.endOfStream();
    return result;
  }

  /** A read has found the end of the peer's stream: this side ends, too, unless it may stay half open. Parks. @internal */
  endOfStream(): void {
    if (!this.allowHalfOpen) this.end();
  }
}

