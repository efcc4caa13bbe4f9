import { booleanOf, invalidType } from '../internal/arguments.js';
import { Calls } from './calls.js';
import { isWebReadable, isWebWritable } from './kinds.js';
import { endOf, nextOf, type StreamOptions } from './node.js';
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
 * An error of the source or sink becomes the stream's; cancelling or aborting the stream cancels the call under way. Both close the
 * source or sink, if `close` is not false. Never parks.
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
  let [cancelled, closed] = [false, false];
  const closeOnce = () => {
    if (close && !closed) {
      closed = true;
      pull.close();
    }
  };
  const next = () => {
    const chunk = nextOf(pull);
    if (chunk !== null) return bytesOf(chunk);
    if (pull.closesAtEnd) closeOnce();
    return null;
  };
  return new ReadableStream<Uint8Array>({
    pull: (controller) => new Promise<void>((done, failed) => {
      calls.run(
        next,
        (chunk) => {
          if (!cancelled) {
            if (chunk !== null) controller.enqueue(chunk);
            else controller.close();
          }
          done();
        },
        (error) => {
          // The stream will not be cancelled: it is over. What the close throws says less than this error.
          if (!cancelled) calls.end(closeOnce, () => undefined);
          failed(error);
        },
      );
    }),
    cancel: () => new Promise<void>((done, failed) => {
      cancelled = true;
      calls.end(closeOnce, settled(done, failed));
    }),
  }, { highWaterMark });
}

const settled = (done: () => void, failed: (error: unknown) => void) => (error?: unknown) => {
  if (error === undefined) done();
  else failed(error);
};

function toWebWritable(sink: Sink, options: StreamOptions = {}): globalThis.WritableStream<Chunk> {
  const { close = true, highWaterMark = 1 } = options;
  booleanOf('options.close', close);
  const push = pushTo(sink, 'toWeb');
  const calls = new Calls();
  let closed = false;
  let aborted: AbortSignal;
  const closeOnce = (reason: unknown) => {
    if (close && !closed) {
      closed = true;
      push.close(reason instanceof Error ? reason : undefined);
    }
  };
  const called = (call: () => void) => new Promise<void>((done, failed) => {
    calls.run(call, done, (error) => {
      const reason = aborted.aborted ? (aborted.reason as unknown) : error;
      // Of a stream that has failed, or was aborted while it was being closed, nothing more is heard.
      calls.end(() => { closeOnce(reason); }, () => undefined);
      failed(reason);
    });
  });
  return new WritableStream<Chunk>({
    start(controller) {
      // @types/node does not know it.
      aborted = (controller as unknown as { signal: AbortSignal }).signal;
      // Below, `abort` is called only when the call that is under way has ended.
      aborted.addEventListener('abort', () => { calls.cancel(); });
    },
    write: (chunk) => called(() => { push.write(bytesOf(chunk)); }),
    close: () => called(() => { endOf(push, close); }),
    abort: (reason) => new Promise<void>((done, failed) => {
      calls.end(() => { closeOnce(reason); }, settled(done, failed));
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
