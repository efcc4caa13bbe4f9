import { EndOfStreamError, ReadLimitError, SocketClosedError } from '../errors.js';
import { fstat, withDescriptor, type File } from '../fs/file.js';
import { integerIn, invalidType, invalidValue } from '../internal/arguments.js';
import type { ParkOptions } from '../internal/parking.js';
import { withSignal } from '../signal.js';
import { addressOf, type SocketAddress } from './address.js';
import { failSocket } from './failure.js';
import {
  CLOSED,
  netClose,
  netEnd,
  netRead,
  netReadInto,
  netSendFile,
  netWrite,
  netWritev,
} from './native.js';
import { Surplus } from './surplus.js';

/**
 * Most that one read gives, and how far `readLine` and `readUntil` look for the delimiter if not told
 * otherwise.
 */
const CHUNK = 64 * 1024;
/**
 * Up to here `readExactly` reads what there is and keeps the rest; larger pieces go straight to their place.
 */
const MOST_GATHERED = 16 * 1024;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

export interface DelimiterOptions extends ParkOptions {
  /** Most bytes that are looked at, the delimiter included; beyond: `ReadLimitError`. Default 65536. */
  limit?: number;
}

/** Closes the sockets that nobody has closed. */
const abandoned = new FinalizationRegistry<number>(netClose);

/**
 * A connection. Made by {@link connect} and by listeners.
 *
 * Several coroutines may use one socket at the same time; writes of one never land in the middle of
 * another's. Every call but `close` throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`) outside a coroutine,
 * CancelledError (`ERR_CANCELLED`) and TimeoutError (`ERR_TIMEOUT`) when the coroutine is told to stop,
 * SocketClosedError (`ERR_SOCKET_CLOSED`) after `close`, and the system's errors with Node's codes
 * (`ECONNRESET`, `EPIPE`, ...).
 */
export class Socket implements Iterable<Buffer>, Disposable {
  /** @internal */
  handle: number;
  private readonly surplus = new Surplus();
  private local: SocketAddress | undefined;
  private remote: SocketAddress | undefined;

  /** @internal */
  constructor(handle: number) {
    this.handle = handle;
    abandoned.register(this, handle, this);
  }

  /** Bytes that were read and nobody has been given yet. @internal */
  get buffered(): number {
    return this.surplus.length;
  }

  /**
   * The bytes that have arrived, at least one and at most `max` (65536 at the very most); null at the end of
   * the stream. Parks.
   */
  read(max: number = CHUNK, options?: ParkOptions): Buffer | null {
    if (options?.signal) return withSignal(options.signal, () => this.read(max));
    if (max !== CHUNK) integerIn('max', max, 1, Number.MAX_SAFE_INTEGER);
    if (this.surplus.length > 0) return this.takeSurplus(max, 'socket.read');
    const result = netRead(this.handle, max);
    if (typeof result !== 'number') return result;
    return result === 0 ? null : this.fail(result, 'socket.read', 'read');
  }

  /**
   * Like {@link read}, into memory of yours. Returns the number of bytes; 0 at the end of the stream. Parks.
   */
  readInto(buffer: Uint8Array, options?: ParkOptions): number {
    if (options?.signal) return withSignal(options.signal, () => this.readInto(buffer));
    if (!(buffer instanceof Uint8Array))
      throw invalidType('buffer', 'an instance of Buffer or Uint8Array', buffer);
    if (buffer.length === 0) throw invalidValue('buffer', 'not empty', buffer);
    if (this.surplus.length > 0) {
      this.ensureOpen('socket.readInto');
      const n = Math.min(this.surplus.length, buffer.length);
      this.surplus.copyTo(buffer, n);
      return n;
    }
    return this.receiveInto(buffer, 0, 'socket.readInto');
  }

  /**
   * Exactly `n` bytes. Parks.
   *
   * @throws EndOfStreamError (`ERR_END_OF_STREAM`) when the stream ends before; what there is can still be
   *   read
   */
  readExactly(n: number, options?: ParkOptions): Buffer {
    if (options?.signal) return withSignal(options.signal, () => this.readExactly(n));
    integerIn('n', n, 0, Number.MAX_SAFE_INTEGER);
    const surplus = this.surplus;
    if (n > MOST_GATHERED && surplus.length < n) return this.fill(n);
    while (surplus.length < n) {
      if (!this.receive('socket.readExactly'))
        throw new EndOfStreamError('socket.readExactly', n, surplus.length);
    }
    this.ensureOpen('socket.readExactly');
    return surplus.take(n);
  }

  /**
   * The text (UTF-8) up to the next line feed, without it and without a carriage return before it; null at
   * the end of the stream. A last line without a line feed counts. Parks.
   *
   * @throws ReadLimitError (`ERR_READ_LIMIT`)
   */
  readLine(options?: DelimiterOptions): string | null {
    if (options?.signal) {
      return withSignal(options.signal, () => this.readLine({ ...options, signal: undefined }));
    }
    const surplus = this.surplus;
    let length = this.find(LINE_FEED, 1, options, 'socket.readLine');
    if (length === 0) return null;
    const whole = length;
    if (surplus.at(length - 1) === LINE_FEED) {
      length--;
      if (length > 0 && surplus.at(length - 1) === CARRIAGE_RETURN) length--;
    }
    const line = surplus.text(length);
    surplus.drop(whole);
    return line;
  }

  /**
   * The bytes up to and including the next `delimiter`; null at the end of the stream. When the stream ends
   * without one, what is left comes without it. Parks.
   *
   * @param delimiter text, bytes, or one byte as a number
   * @throws ReadLimitError (`ERR_READ_LIMIT`)
   */
  readUntil(delimiter: string | Uint8Array | number, options?: DelimiterOptions): Buffer | null {
    if (options?.signal) {
      return withSignal(options.signal, () => this.readUntil(delimiter, { ...options, signal: undefined }));
    }
    let wanted: Buffer | number;
    if (typeof delimiter === 'number') wanted = integerIn('delimiter', delimiter, 0, 255);
    else if (typeof delimiter === 'string') wanted = Buffer.from(delimiter);
    else if (delimiter instanceof Uint8Array) wanted = Buffer.from(delimiter);
    else throw invalidType('delimiter', 'a string, a Uint8Array or a number', delimiter);
    if (typeof wanted !== 'number' && wanted.length === 0)
      throw invalidValue('delimiter', 'not empty', delimiter);
    const length = this.find(
      wanted,
      typeof wanted === 'number' ? 1 : wanted.length,
      options,
      'socket.readUntil',
    );
    return length === 0 ? null : this.surplus.take(length);
  }

  /**
   * Sends all of `data`; text in UTF-8. Returns when the system has taken it. Parks.
   *
   * @throws SocketBrokenError (`ERR_SOCKET_BROKEN`) when an earlier write was given up in the middle
   */
  write(data: string | Uint8Array, options?: ParkOptions): void {
    if (options?.signal) {
      withSignal(options.signal, () => { this.write(data); });
      return;
    }
    if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
      throw invalidType('data', 'of type string or an instance of Buffer or Uint8Array', data);
    }
    const result = netWrite(this.handle, data);
    if (result < 0) this.fail(result, 'socket.write', 'write');
  }

  /** Sends all of `list` in one piece. Parks. */
  writev(list: readonly (string | Uint8Array)[], options?: ParkOptions): void {
    if (options?.signal) {
      withSignal(options.signal, () => { this.writev(list); });
      return;
    }
    if (!Array.isArray(list)) throw invalidType('list', 'an array', list);
    // Checked and then used as it was checked.
    const parts = [...(list as readonly (string | Uint8Array)[])];
    for (const part of parts) {
      if (typeof part !== 'string' && !(part instanceof Uint8Array)) {
        throw invalidType('list', 'of strings and instances of Buffer or Uint8Array', part);
      }
    }
    const result = netWritev(this.handle, parts);
    if (result < 0) this.fail(result, 'socket.writev', 'write');
  }

  /**
   * Sends part of a file, from the page cache straight to the connection. Returns the bytes sent, fewer than
   * `length` when the file ends before. Parks.
   *
   * @param file an open file, or its descriptor
   * @param offset in bytes; default 0
   * @param length in bytes; default: to the end of the file
   */
  sendFile(file: File | number, offset = 0, length?: number, options?: ParkOptions): number {
    if (options?.signal) return withSignal(options.signal, () => this.sendFile(file, offset, length));
    integerIn('offset', offset, 0, Number.MAX_SAFE_INTEGER);
    if (length !== undefined) integerIn('length', length, 0, Number.MAX_SAFE_INTEGER);
    return withDescriptor(file, 'sendfile', (fd) => {
      const most = length ?? Math.max(0, fstat(fd).size - offset);
      if (most === 0) return 0;
      // A file offset has 63 bits; what is beyond the safe integers does not exist.
      const end = Math.min(offset + most, Number.MAX_SAFE_INTEGER);
      const result = netSendFile(this.handle, fd, offset, end - offset);
      return result < 0 ? this.fail(result, 'socket.sendFile', 'sendfile') : result;
    });
  }

  /** Sends the end of the stream, behind what is being written; reading goes on. May park for that. */
  end(): void {
    const result = netEnd(this.handle);
    if (result < 0) this.fail(result, 'socket.end', 'shutdown');
  }

  /** Closes the connection. Every coroutine that is parked on it gets a SocketClosedError. Never parks. */
  close(): void {
    const handle = this.handle;
    if (handle === CLOSED) return;
    this.handle = CLOSED;
    this.surplus.drop(this.surplus.length);
    abandoned.unregister(this);
    netClose(handle);
  }

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

  get closed(): boolean {
    return this.handle === CLOSED;
  }

  /**
   * Undefined, as everything below, when the socket was closed before anybody asked, and for Unix sockets.
   */
  get remoteAddress(): string | undefined {
    return ip(this.peer())?.address;
  }
  get remoteFamily(): string | undefined {
    return ip(this.peer())?.family;
  }
  get remotePort(): number | undefined {
    return ip(this.peer())?.port;
  }
  get localAddress(): string | undefined {
    return ip(this.own())?.address;
  }
  get localFamily(): string | undefined {
    return ip(this.own())?.family;
  }
  get localPort(): number | undefined {
    return ip(this.own())?.port;
  }

  private peer(): SocketAddress | undefined {
    return (this.remote ??= addressOf(this.handle, true));
  }

  private own(): SocketAddress | undefined {
    return (this.local ??= addressOf(this.handle, false));
  }

  private takeSurplus(max: number, operation: string): Buffer {
    this.ensureOpen(operation);
    return this.surplus.take(Math.min(max, this.surplus.length));
  }

  private ensureOpen(operation: string): void {
    if (this.handle === CLOSED) throw new SocketClosedError(operation);
  }

  /** Adds what arrives to the surplus; false at the end of the stream. */
  private receive(operation: string): boolean {
    const result = netRead(this.handle, CHUNK);
    if (typeof result !== 'number') {
      this.surplus.add(result);
      return true;
    }
    return result === 0 ? false : this.fail(result, operation, 'read');
  }

  private receiveInto(buffer: Uint8Array, offset: number, operation: string): number {
    const result = netReadInto(this.handle, buffer, offset, buffer.length - offset);
    return result < 0 ? this.fail(result, operation, 'read') : result;
  }

  /** `readExactly` of more than there is, without a copy. */
  private fill(n: number): Buffer {
    const operation = 'socket.readExactly';
    this.ensureOpen(operation);
    const target = Buffer.allocUnsafeSlow(n);
    let filled = this.surplus.length;
    this.surplus.copyTo(target, filled);
    try {
      while (filled < n) {
        const got = this.receiveInto(target, filled, operation);
        if (got === 0) throw new EndOfStreamError(operation, n, filled);
        filled += got;
      }
    } catch (error) {
      // Whatever ended it, nothing that has arrived is lost.
      this.surplus.putBack(target.subarray(0, filled));
      throw error;
    }
    return target;
  }

  /**
   * Receives until `delimiter`; returns the length up to its end, or of what there is at the end of the
   * stream.
   */
  private find(
    delimiter: Buffer | number,
    width: number,
    options: DelimiterOptions | undefined,
    operation: string,
  ): number {
    const surplus = this.surplus;
    const limit = options?.limit ?? CHUNK;
    if (options?.limit !== undefined) integerIn('options.limit', limit, 1, Number.MAX_SAFE_INTEGER);
    let searched = 0;
    for (;;) {
      this.ensureOpen(operation);
      const length = surplus.length;
      const taken = surplus.taken;
      if (length >= width) {
        const found = surplus.indexOf(delimiter, searched);
        if (found >= 0 && found + width <= limit) return found + width;
        if (found >= 0 || length >= limit) throw new ReadLimitError(operation, limit);
        searched = length - width + 1;
      }
      if (!this.receive(operation)) return surplus.length;
      // Another coroutine has read meanwhile: positions no longer mean what they did.
      if (surplus.taken !== taken) searched = 0;
    }
  }

  private fail(code: number, operation: string, syscall: string): never {
    failSocket(this.handle, code, operation, syscall);
  }
}

function ip(address: SocketAddress | undefined): SocketAddress | undefined {
  return address?.family === 'Unix' ? undefined : address;
}
