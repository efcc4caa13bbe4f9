import { withSignal } from '../coroutine/signal.js';
import { integerIn, invalidType, invalidValue } from '../internal/arguments.js';
import { checkpoint, signalIn, type ParkOptions } from '../internal/parking.js';
import { ahead, DELIMITED, exactly, line, until, type DelimiterOptions, type Supply } from '../net/buffered.js';
import { Surplus } from '../net/surplus.js';
import { Mutex } from '../sync/mutex.js';
import { ReaderClosedError } from './errors.js';
import { pullFrom, type Chunk, type Pull, type Source } from './sources.js';

/**
 * Reads bytes from any {@link Source} in the sizes that are wanted: lines, exact counts, up to a delimiter, ahead.
 *
 * Several coroutines may use one at the same time. Every call but `close` throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`)
 * outside a coroutine, CancelledError (`ERR_CANCELLED`) and TimeoutError (`ERR_TIMEOUT`) when it is interrupted, ReaderClosedError
 * (`ERR_READER_CLOSED`) after `close`, and the source's errors. An interruption loses nothing, with one exception: a generator that is
 * interrupted inside a step is over, and every later call throws what ended it.
 *
 * @example
 * ```ts
 * import { Readable } from 'node:stream';
 * import { spawn } from 'stackful';
 * import { Reader } from 'stackful/stream';
 *
 * await spawn(() => {
 *   const reader = new Reader(Readable.from(['HELLO 5\r\n', 'worldthe ', 'rest\n']));
 *   console.log(reader.readLine()); // HELLO 5
 *   console.log(String(reader.readExactly(5))); // world
 *   console.log(String(reader.peek(3))); // the
 *   for (const line of reader.lines()) console.log(line); // the rest
 * });
 * ```
 */
export class Reader implements Iterable<Buffer>, Disposable {
  private readonly supply: SourceSupply;

  constructor(source: Source) {
    this.supply = new SourceSupply(pullFrom(source, 'a Reader'));
  }

  /** The bytes that have arrived, at least one and at most `max`; null at the end. Parks. */
  read(max?: number, options?: ParkOptions): Buffer | null {
    const operation = 'reader.read';
    const signal = signalIn(operation, options);
    if (signal) return withSignal(signal, () => this.read(max));
    if (max !== undefined) integerIn('max', max, 1, Number.MAX_SAFE_INTEGER);
    const { supply } = this;
    const { surplus } = supply;
    checkpoint(operation);
    while (surplus.length === 0) {
      if (!supply.receive(operation) && surplus.length === 0) return null;
    }
    supply.ensureOpen(operation);
    return surplus.take(Math.min(max ?? surplus.length, surplus.length));
  }

  /** Like {@link read}, into a buffer of yours. Returns the number of bytes; 0 at the end. Parks. */
  readInto(buffer: Uint8Array, options?: ParkOptions): number {
    if (!(buffer instanceof Uint8Array)) throw invalidType('buffer', 'an instance of Buffer or Uint8Array', buffer);
    if (buffer.length === 0) throw invalidValue('buffer', 'not empty', buffer);
    const bytes = this.read(buffer.length, options);
    if (bytes) buffer.set(bytes);
    return bytes?.length ?? 0;
  }

  /**
   * Exactly `n` bytes. Parks.
   *
   * @throws EndOfStreamError (`ERR_END_OF_STREAM`) when the source ends before; the bytes that have arrived can still be read
   */
  readExactly(n: number, options?: ParkOptions): Buffer {
    const signal = signalIn('reader.readExactly', options);
    if (signal) return withSignal(signal, () => this.readExactly(n));
    return exactly(this.supply, integerIn('n', n, 0, Number.MAX_SAFE_INTEGER), 'reader.readExactly');
  }

  /**
   * The text (UTF-8) up to the next line feed, without it and without a carriage return before it; null at the end. A last line
   * without a line feed counts. Parks.
   *
   * @throws ReadLimitError (`ERR_READ_LIMIT`)
   */
  readLine(options?: DelimiterOptions): string | null {
    const signal = signalIn('reader.readLine', options, DELIMITED);
    if (signal) return withSignal(signal, () => this.readLine({ ...options, signal: undefined }));
    return line(this.supply, options?.limit, 'reader.readLine');
  }

  /**
   * The bytes up to and including the next `delimiter`; null at the end. When the source ends without a delimiter, the last
   * bytes are returned without it. Parks.
   *
   * @param delimiter text, bytes, or one byte as a number
   * @throws ReadLimitError (`ERR_READ_LIMIT`)
   */
  readUntil(delimiter: string | Uint8Array | number, options?: DelimiterOptions): Buffer | null {
    const signal = signalIn('reader.readUntil', options, DELIMITED);
    if (signal) return withSignal(signal, () => this.readUntil(delimiter, { ...options, signal: undefined }));
    return until(this.supply, delimiter, options?.limit, 'reader.readUntil');
  }

  /** A copy of the next `n` bytes, which stay: fewer only at the end. Parks. */
  peek(n: number, options?: ParkOptions): Buffer {
    const signal = signalIn('reader.peek', options);
    if (signal) return withSignal(signal, () => this.peek(n));
    return ahead(this.supply, integerIn('n', n, 0, Number.MAX_SAFE_INTEGER), 'reader.peek');
  }

  /** The lines until the end, as {@link readLine} gives them. Each step parks. Leaving the loop does not close the reader. */
  *lines(options?: DelimiterOptions): Generator<string, void, undefined> {
    for (let text = this.readLine(options); text !== null; text = this.readLine(options)) yield text;
  }

  /** Chunks, until the end. Each step parks. Leaving the loop does not close the reader. */
  [Symbol.iterator](): Iterator<Buffer, undefined> {
    return {
      next: () => {
        const chunk = this.read();
        return chunk === null ? { done: true, value: undefined } : { done: false, value: chunk };
      },
    };
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.supply.closed;
  }

  /** Closes the source, if that can be closed: a stream is destroyed, a web stream cancelled. Never parks. */
  close(): void {
    this.supply.close();
  }

  /** For `using`: {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

class SourceSupply implements Supply {
  readonly surplus = new Surplus();
  closed = false;
  private ended = false;
  private received = 0;
  private readonly receiving = new Mutex();

  constructor(private readonly pull: Pull) {}

  receive(operation: string): boolean {
    const before = this.received;
    using _ = this.receiving.lock();
    this.ensureOpen(operation);
    // While this one waited for its turn another has received: it looks at that first.
    if (this.received !== before) return true;
    if (this.ended) return false;
    let chunk: Chunk | null;
    try {
      chunk = this.pull.next();
    } finally {
      // Others may have closed it meanwhile, which says more than what the source says then.
      this.ensureOpen(operation);
    }
    if (chunk === null) {
      this.ended = true;
      return false;
    }
    this.received++;
    const bytes = bytesOf(chunk);
    if (bytes.length > 0) this.surplus.add(bytes);
    return true;
  }

  receiveInto(buffer: Buffer, offset: number, operation: string): number {
    while (this.surplus.length === 0) {
      if (!this.receive(operation) && this.surplus.length === 0) return 0;
    }
    const n = Math.min(this.surplus.length, buffer.length - offset);
    this.surplus.copyTo(buffer.subarray(offset), n);
    return n;
  }

  ensureOpen(operation: string): void {
    if (this.closed) throw new ReaderClosedError(operation);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.surplus.drop(this.surplus.length);
    this.pull.close();
  }
}

/** @throws TypeError (`ERR_INVALID_ARG_TYPE`) for what is neither bytes nor text, such as the objects of a stream of objects */
export function bytesOf(chunk: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw invalidType('chunk', 'of type string or an instance of Buffer or Uint8Array', chunk);
}
