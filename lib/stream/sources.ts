import { wait } from '../async/wait.js';
import { spawn } from '../coroutine/coroutine.js';
import { Descriptor } from '../fs/descriptor.js';
import type { File } from '../fs/file.js';
import { read } from '../fs/transfer.js';
import { invalidType } from '../internal/arguments.js';
import { isNodeReadable, isWebReadable, type NodeReadable } from './kinds.js';
import { NodePull } from './node_readable.js';

/** What a stream carries: bytes, or text, which counts as UTF-8. */
export type Chunk = string | Uint8Array;

/** What parks until it has bytes: a socket, the pipe of a child process, a {@link Reader}. */
export interface ReadSource {
  /** The next bytes; null at the end. Parks. */
  read(): Chunk | null;
  /** Is called when nothing more will be read. */
  close?(): void;
}

/** All that bytes can be read from: also a file from its position on, the body of a request, Node's streams and web streams. */
export type Source =
  | ReadSource | File | Chunk | Iterable<Chunk> | AsyncIterable<Chunk> | NodeReadable | ReadableStream<Chunk>;

/** A source as the rest of this room uses it. */
export interface Pull {
  /** The next bytes, perhaps none; null at the end. Interrupted, it has taken nothing from the source. Parks. */
  next(): Chunk | null;
  /** Nothing more is read. Never parks. */
  close(): void;
  /** Whether it is closed at its end, too: nothing else can be done with it then. */
  readonly closesAtEnd: boolean;
}

const CHUNK = 64 * 1024;
const SMALL = CHUNK / 4;

/** @param operation the call to name when it is none */
export function pullFrom(source: Source, operation: string): Pull {
  if (typeof source === 'string' || source instanceof Uint8Array) return new IteratorPull([source][Symbol.iterator]());
  if (typeof source === 'object' && source as unknown !== null) {
    if (source instanceof Descriptor) return filePull(source);
    if (isNodeReadable(source)) return new NodePull(source);
    if (isWebReadable(source)) return webPull(source);
    if (typeof (source as Partial<ReadSource>).read === 'function') return readPull(source as ReadSource);
    if (Symbol.iterator in source) return new IteratorPull((source as Iterable<Chunk>)[Symbol.iterator]());
    if (Symbol.asyncIterator in source) return asyncPull((source as AsyncIterable<Chunk>)[Symbol.asyncIterator]());
  }
  throw invalidType('source', `something that ${operation} can read from: with a method read, a File, an iterable or a stream`, source);
}

function filePull(file: File): Pull {
  return {
    closesAtEnd: true,
    next() {
      const buffer = Buffer.allocUnsafeSlow(CHUNK);
      const count = read(file, buffer, 0, CHUNK, null);
      if (count === 0) return null;
      // A small piece is copied, so that it does not keep a large buffer in memory.
      return count < SMALL ? Buffer.from(buffer.subarray(0, count)) : buffer.subarray(0, count);
    },
    close() { file.close(); },
  };
}

function readPull(source: ReadSource): Pull {
  return {
    closesAtEnd: false,
    next: () => source.read(),
    close() { source.close?.(); },
  };
}

/** A generator whose step is interrupted is over, and would look as if it had come to its end. */
class IteratorPull implements Pull {
  readonly closesAtEnd = false;
  private failure: { error: unknown } | undefined;
  private busy = false;
  private closing = false;

  constructor(private readonly iterator: Iterator<Chunk>) {}

  next(): Chunk | null {
    if (this.failure) throw this.failure.error;
    this.busy = true;
    try {
      const step = this.iterator.next();
      return step.done ? null : step.value;
    } catch (error) {
      this.failure = { error };
      throw error;
    } finally {
      this.busy = false;
      if (this.closing) this.close();
    }
  }

  close(): void {
    this.closing = true;
    // In a coroutine, because what a generator does in `finally` may park.
    if (!this.busy && this.iterator.return) spawn(() => { this.iterator.return!(); }).then(undefined, () => undefined);
  }
}

/** The steps of an asynchronous source, each asked for once: after an interruption the next call gets what that one waited for. */
function promisePull(step: () => PromiseLike<IteratorResult<Chunk, unknown>>, stop: () => void): Pull {
  let asked: PromiseLike<IteratorResult<Chunk, unknown>> | undefined;
  return {
    closesAtEnd: false,
    next() {
      const mine = (asked ??= step());
      let failed = true;
      try {
        const { done, value } = wait(mine);
        failed = false;
        return done ? null : value;
      } finally {
        // A failure may be the interruption of this wait: asked again, a promise that was rejected says so again.
        if (!failed && asked === mine) asked = undefined;
      }
    },
    close: stop,
  };
}

function webPull(stream: ReadableStream<Chunk>): Pull {
  const reader = stream.getReader();
  return promisePull(
    () => reader.read(),
    () => { reader.cancel().then(undefined, () => undefined); },
  );
}

function asyncPull(iterator: AsyncIterator<Chunk>): Pull {
  return promisePull(
    () => iterator.next(),
    () => { iterator.return?.().then(undefined, () => undefined); },
  );
}
