import { ReadableStream, WritableStream } from 'node:stream/web';

import { booleanOf, invalidType } from '../internal/arguments.js';
import { isWebReadable, isWebWritable } from './kinds.js';
import { Calls, endOf, nextOf, type StreamOptions } from './node.js';
import { bytesOf, Reader } from './reader.js';
import { pushTo, type Sink, type WriteSink } from './sinks.js';
import { pullFrom, type Chunk, type Source } from './sources.js';
import { Writer } from './writer.js';

const isOnlySink = (value: unknown): value is WriteSink =>
  typeof value === 'object' && value !== null &&
  typeof (value as Partial<WriteSink>).write === 'function' && !('read' in value) && !(Symbol.iterator in value) && !('pipe' in value);

/**
 * A web stream over what parks: a ReadableStream of bytes from a source, which it reads when its consumer asks, or a
 * WritableStream to a sink. Of what can do both, such as a socket or a file, it makes the ReadableStream; the other is
 * `toWeb.writable(socket)`.
 *
 * An error of the source or sink becomes the stream's; cancelling or aborting the stream cancels the call under way and closes
 * the source or sink, if `close` is not false. Never parks.
 *
 * @example
 * ```ts
 * import { spawn, wait } from 'stackful';
 * import { open, writeFile } from 'stackful/fs';
 * import { toWeb } from 'stackful/stream';
 *
 * await spawn(() => {
 *   writeFile('page.html', '<p>hello');
 *   const response = new Response(toWeb(open('page.html')));
 *   console.log(wait(response.text())); // <p>hello
 * });
 * ```
 */
export const toWeb = toWebOf as ToWeb;
toWeb.writable = toWebWritable;

/** The forms of {@link toWeb}. */
export interface ToWeb {
  /** From a source. */
  (source: Source, options?: StreamOptions): globalThis.ReadableStream<Uint8Array>;
  /** To a sink. */
  (sink: WriteSink, options?: StreamOptions): globalThis.WritableStream<Chunk>;
  /** To a sink that is a source as well. */
  writable(sink: Sink, options?: StreamOptions): globalThis.WritableStream<Chunk>;
}

function toWebOf(what: Source | WriteSink, options: StreamOptions = {}): unknown {
  if (isOnlySink(what)) return toWebWritable(what, options);
  const { close = true, highWaterMark = 0 } = options;
  booleanOf('options.close', close);
  const pull = pullFrom(what, 'toWeb');
  const calls = new Calls();
  return new ReadableStream<Uint8Array>({
    pull: (controller) => new Promise<void>((done, failed) => {
      calls.run(
        () => nextOf(pull),
        (chunk) => {
          if (chunk !== null) controller.enqueue(bytesOf(chunk));
          else {
            controller.close();
            if (close && pull.closesAtEnd) pull.close();
          }
          done();
        },
        failed,
      );
    }),
    cancel: () => new Promise<void>((done) => {
      calls.end(() => {
        if (close) pull.close();
        done();
      });
    }),
  }, { highWaterMark });
}

function toWebWritable(sink: Sink, options: StreamOptions = {}): globalThis.WritableStream<Chunk> {
  const { close = true, highWaterMark = 1 } = options;
  booleanOf('options.close', close);
  const push = pushTo(sink, 'toWeb');
  const calls = new Calls();
  const called = (call: () => void) => new Promise<void>((done, failed) => { calls.run(call, done, failed); });
  return new WritableStream<Chunk>({
    write: (chunk) => called(() => { push.write(bytesOf(chunk)); }),
    close: () => called(() => { endOf(push, close); }),
    abort: (reason) => new Promise<void>((done) => {
      calls.end(() => {
        if (close) push.close(reason instanceof Error ? reason : undefined);
        done();
      });
    }),
  }, { highWaterMark });
}

/**
 * A web stream in a coroutine: a {@link Reader} of a ReadableStream, a {@link Writer} to a WritableStream. Locks the stream. Never
 * parks itself.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`), and when the stream is locked
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { fromWeb } from 'stackful/stream';
 *
 * await spawn(() => {
 *   const reader = fromWeb(new Blob(['name,age\nAda,36\n']).stream());
 *   console.log([...reader.lines()].join(' ')); // name,age Ada,36
 * });
 * ```
 */
export function fromWeb(stream: globalThis.ReadableStream<Chunk>): Reader;
export function fromWeb(stream: globalThis.WritableStream<Chunk>): Writer;
export function fromWeb(stream: globalThis.ReadableStream<Chunk> | globalThis.WritableStream<Chunk>): Reader | Writer {
  if (isWebReadable(stream)) return new Reader(stream);
  if (isWebWritable(stream)) return new Writer(stream, 'fromWeb');
  throw invalidType('stream', 'an instance of ReadableStream or WritableStream', stream);
}
