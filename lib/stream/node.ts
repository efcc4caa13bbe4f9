import { Readable, Writable, type ReadableOptions, type WritableOptions } from 'node:stream';

import { booleanOf, invalidType } from '../internal/arguments.js';
import { Calls } from './calls.js';
import { PrematureCloseError } from './errors.js';
import { isNodeReadable, isNodeWritable, type NodeReadable, type NodeWritable } from './kinds.js';
import { Reader } from './reader.js';
import { pushTo, type Push, type Sink } from './sinks.js';
import { pullFrom, type Chunk, type Pull, type Source } from './sources.js';
import { Writer } from './writer.js';

/** Options of {@link toReadable}, {@link toWritable} and {@link toWeb}. */
export interface StreamOptions {
  /** How many bytes the stream reads ahead, or takes before it wants to wait; default: Node's, for a web stream none. */
  highWaterMark?: number;
  /**
   * Whether the stream closes the source or sink: when it is destroyed before its end, because bytes may be lost, and a file at its
   * end, too. Default true.
   */
  close?: boolean;
}

/** Ends a sink. Parks. */
export function endOf(push: Push, close: boolean): void {
  push.end();
  // Here, because a file may only now tell that the disk is full.
  if (close && push.closesAtEnd) push.close();
}

/** The next bytes, at least one: an empty chunk would look like none. Parks. */
export function nextOf(pull: Pull): Chunk | null {
  for (;;) {
    const chunk = pull.next();
    if (chunk?.length !== 0) return chunk;
  }
}

/**
 * A stream of Node's that reads from a source as fast as its consumer reads from it: a socket, a file, the body of a request, a
 * generator, or whatever else has a `read` that parks. The reads run in coroutines of the stream's own.
 *
 * An error of the source destroys the stream with it. Destroying the stream cancels the read and closes the source, if
 * `close` is not false. Never parks.
 *
 * @example
 * ```ts
 * import { pipeline } from 'node:stream/promises';
 * import { createGunzip, gzipSync } from 'node:zlib';
 * import { spawn, wait } from 'stackful';
 * import { open, readFile, writeFile } from 'stackful/fs';
 * import { toReadable, toWritable } from 'stackful/stream';
 *
 * await spawn(() => {
 *   writeFile('letter.gz', gzipSync('hello'));
 *   wait(pipeline(toReadable(open('letter.gz')), createGunzip(), toWritable(open('letter', 'w'))));
 *   console.log(readFile('letter', 'utf8')); // hello
 * });
 * ```
 */
export function toReadable(source: Source, options: StreamOptions & Pick<ReadableOptions, 'encoding'> = {}): Readable {
  const { close = true, ...rest } = options;
  booleanOf('options.close', close);
  const pull = pullFrom(source, 'toReadable');
  const calls = new Calls();
  let ended = false;
  return new Readable({
    ...rest,
    read() {
      calls.run(
        () => nextOf(pull),
        (chunk) => {
          ended = chunk === null;
          if (!this.destroyed) this.push(chunk);
        },
        (error) => { this.destroy(error as Error); },
      );
    },
    destroy(error, done) {
      calls.end(
        () => { if (close && (!ended || pull.closesAtEnd)) pull.close(); },
        (failure) => { done(error ?? (failure as Error | undefined)); },
      );
    },
  });
}

/**
 * A stream of Node's that writes to a sink, one chunk after the other: a socket, a file, or whatever else has a `write` that parks.
 * The end of the stream ends the sink (`end`), and closes a file.
 *
 * An error of the sink destroys the stream with it. Destroying the stream before its end cancels the write and closes the sink, if
 * `close` is not false. Never parks.
 *
 * @example
 * ```ts
 * import { Readable } from 'node:stream';
 * import { pipeline } from 'node:stream/promises';
 * import { spawn, wait } from 'stackful';
 * import { open, readFile } from 'stackful/fs';
 * import { toWritable } from 'stackful/stream';
 *
 * await spawn(() => {
 *   wait(pipeline(Readable.from(['one ', 'two']), toWritable(open('words', 'w'))));
 *   console.log(readFile('words', 'utf8')); // one two
 * });
 * ```
 */
export function toWritable(sink: Sink, options: StreamOptions = {}): Writable {
  const { close = true, ...rest } = options;
  booleanOf('options.close', close);
  const push = pushTo(sink, 'toWritable');
  const calls = new Calls();
  let ended = false;
  const run = (call: () => void, done: (error?: Error) => void) => {
    calls.run(call, () => { done(); }, (error) => {
      // The destruction has ended the call: the stream says why.
      done(stream.destroyed ? (stream.errored ?? new PrematureCloseError('toWritable')) : (error as Error));
    });
  };
  const settings: WritableOptions = {
    ...rest,
    write(chunk: Buffer, _encoding, done) {
      run(() => { push.write(chunk); }, done);
    },
    final(done) {
      run(() => {
        endOf(push, close);
        ended = true;
      }, done);
    },
    destroy(error, done) {
      calls.end(
        () => { if (close && !ended) push.close(error); },
        (failure) => { done(error ?? (failure as Error | undefined)); },
      );
    },
  };
  if (push.writev) {
    settings.writev = (chunks, done) => {
      run(() => { push.writev!(chunks.map(({ chunk }) => chunk as Buffer)); }, done);
    };
  }
  const stream = new Writable(settings);
  return stream;
}

/**
 * Reads a stream of Node's, or of a class like it, in a coroutine: in chunks, lines, or exact sizes. The stream flows only as far as
 * it is read. Never parks.
 *
 * A stream of objects is for `waitEach` of `stackful`.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`)
 *
 * @example
 * ```ts
 * import { PassThrough } from 'node:stream';
 * import { spawn } from 'stackful';
 * import { fromReadable } from 'stackful/stream';
 *
 * const stream = new PassThrough();
 * stream.end('first line\nsecond line\n');
 * await spawn(() => {
 *   console.log([...fromReadable(stream).lines()].length); // 2
 * });
 * ```
 */
export function fromReadable(readable: NodeReadable): Reader {
  if (!isNodeReadable(readable)) {
    throw invalidType('readable', 'an instance of Readable', readable);
  }
  return new Reader(readable);
}

/**
 * Writes to a stream of Node's in a coroutine, and waits while the stream has enough (`'drain'`). Never parks itself.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`)
 *
 * @example
 * ```ts
 * import { PassThrough } from 'node:stream';
 * import { spawn } from 'stackful';
 * import { fromReadable, fromWritable } from 'stackful/stream';
 *
 * await spawn(() => {
 *   const stream = new PassThrough();
 *   spawn(() => {
 *     const writer = fromWritable(stream);
 *     for (const word of ['a', 'b', 'c']) writer.write(word);
 *     writer.end();
 *   });
 *   console.log(String(fromReadable(stream).readExactly(3))); // abc
 * });
 * ```
 */
export function fromWritable(writable: NodeWritable): Writer {
  if (!isNodeWritable(writable)) {
    throw invalidType('writable', 'an instance of Writable', writable);
  }
  return new Writer(writable, 'fromWritable');
}
