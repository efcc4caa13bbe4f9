import { wait } from '../async/wait.js';
import { Descriptor } from '../fs/descriptor.js';
import type { File } from '../fs/file.js';
import { writeFile } from '../fs/whole_file.js';
import { invalidType } from '../internal/arguments.js';
import { checkInterruption, checkParking } from '../internal/parking.js';
import { PrematureCloseError, WriteAfterEndError } from './errors.js';
import { isNodeWritable, isWebWritable, type NodeWritable } from './kinds.js';
import { END, NodePush, WRITE } from './node_writable.js';
import type { Chunk } from './sources.js';

/** What parks until it has taken bytes: a socket, the pipe of a child process, a {@link Writer}. */
export interface WriteSink {
  /** Takes all of `data`. Parks. */
  write(data: Chunk): unknown;
  /** Takes all of them, as one write. */
  writev?(list: readonly Chunk[]): unknown;
  /** Is called after the last write. Parks. */
  end?(): unknown;
  /** Is called when it is given up before its end. */
  close?(): void;
}

/** All that bytes can be written to: also a file, at its position, Node's streams and web streams. */
export type Sink = WriteSink | File | NodeWritable | WritableStream<Chunk>;

/** A sink as the rest of this room uses it. */
export interface Push {
  /** Takes all of `data`. Parks. */
  write(data: Uint8Array): void;
  /** The same for several, as one write. */
  writev?(list: readonly Uint8Array[]): void;
  /** Nothing more is written; returns when all of it has arrived. Parks. */
  end(): void;
  /** It is given up, because of `error` if there was one. */
  close(error?: Error | null): void;
  /** Whether it is closed at its end, too: nothing else can be done with it then. */
  readonly closesAtEnd?: boolean;
}

/** @param operation the call to name when it is none */
export function pushTo(sink: Sink, operation: string): Push {
  if (typeof sink === 'object' && sink as unknown !== null) {
    if (sink instanceof Descriptor) return filePush(sink);
    if (isNodeWritable(sink)) return NodePush.of(sink);
    if (isWebWritable(sink)) return webPush(sink);
    if (typeof (sink as Partial<WriteSink>).write === 'function') return writePush(sink);
  }
  throw invalidType('sink', `something that ${operation} can write to: with a method write, a File or a stream`, sink);
}

function filePush(file: File): Push {
  return {
    write(data) { writeFile(file, data); },
    writev(list) { writeFile(file, Buffer.concat(list)); },
    end() { /* Nothing is kept back. */ },
    close() { file.close(); },
    closesAtEnd: true,
  };
}

function writePush(sink: WriteSink): Push {
  return {
    write(data) { sink.write(data); },
    ...(sink.writev && { writev(list) { sink.writev!(list); } }),
    end() { sink.end?.(); },
    close() { sink.close?.(); },
  };
}

function webPush(stream: WritableStream<Chunk>): Push {
  const writer = stream.getWriter();
  const ignored = (promise: Promise<void>) => { promise.then(undefined, () => undefined); };
  // Its failures are those of the writes.
  ignored(writer.closed);
  let ending: Promise<void> | undefined;
  const begin = (operation: string) => {
    checkInterruption(operation);
    checkParking(operation);
  };
  return {
    write(data) {
      begin(WRITE);
      if (ending) throw new WriteAfterEndError(WRITE);
      wait(writer.write(data));
    },
    end() {
      begin(END);
      // Interrupted and called again, it waits for the same end.
      if (!ending) ignored(ending = writer.close());
      wait(ending);
    },
    close(error) { ignored(writer.abort(error ?? new PrematureCloseError(WRITE))); },
  };
}
