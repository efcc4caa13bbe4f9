import { withSignal } from '../coroutine/signal.js';
import { dataOf } from '../internal/arguments.js';
import { signalIn, type ParkOptions } from '../internal/parking.js';
import { WriteAfterEndError } from './errors.js';
import { bytesOf } from './reader.js';
import { pushTo, type Push, type Sink } from './sinks.js';
import type { Chunk } from './sources.js';

/**
 * Writes to a stream of Node's or a web stream, and waits while that has enough. {@link fromWritable} and {@link fromWeb} make one.
 *
 * Every call but `close` throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`) outside a coroutine, CancelledError
 * (`ERR_CANCELLED`) and TimeoutError (`ERR_TIMEOUT`) when it is interrupted, WriteAfterEndError (`ERR_STREAM_WRITE_AFTER_END`)
 * after `end` or `close`, and the stream's errors.
 *
 * @example
 * ```ts
 * import { createGzip } from 'node:zlib';
 * import { spawn } from 'stackful';
 * import { fromReadable, fromWritable } from 'stackful/stream';
 *
 * await spawn(() => {
 *   const gzip = createGzip();
 *   const writing = spawn(() => {
 *     const writer = fromWritable(gzip);
 *     for (let i = 0; i < 1000; i++) writer.write(`line ${i}\n`);
 *     writer.end();
 *   });
 *   let size = 0;
 *   for (const chunk of fromReadable(gzip)) size += chunk.length;
 *   writing.join();
 *   console.log(size < 5000); // true
 * });
 * ```
 */
export class Writer implements Disposable {
  private readonly push: Push;
  private ended = false;

  /** @internal */
  constructor(sink: Sink, operation: string) {
    this.push = pushTo(sink, operation);
  }

  /**
   * Gives `data` to the stream; text as UTF-8. Returns when the stream wants more; that all has arrived only `end` tells. Parks.
   * Interrupted while it waits for that, `data` is written all the same.
   */
  write(data: Chunk, options?: ParkOptions): void {
    const signal = signalIn('writer.write', options);
    if (signal) {
      withSignal(signal, () => { this.write(data); });
      return;
    }
    dataOf('data', data);
    if (this.ended) throw new WriteAfterEndError('writer.write');
    this.push.write(bytesOf(data));
  }

  /**
   * Ends the stream, and returns when everything has arrived. Ending again does nothing, or, if the call before was interrupted, waits
   * for what that one was waiting for. Parks.
   */
  end(options?: ParkOptions): void {
    const signal = signalIn('writer.end', options);
    if (signal) {
      withSignal(signal, () => { this.end(); });
      return;
    }
    if (this.ended) return;
    this.push.end();
    this.ended = true;
  }

  /** Gives the stream up, unless it has ended: it is destroyed, a web stream aborted. Never parks. */
  close(): void {
    if (this.ended) return;
    this.ended = true;
    this.push.close();
  }

  /** For `using`: {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
