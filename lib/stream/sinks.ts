import { wait } from '../async/wait.js';
import { Descriptor } from '../fs/descriptor.js';
import type { File } from '../fs/file.js';
import { writeFile } from '../fs/whole_file.js';
import { invalidType } from '../internal/arguments.js';
import { isNodeWritable, isWebWritable, type NodeWritable } from './kinds.js';
import { NodePush } from './node_writable.js';
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
  // Its failures are those of the writes.
  writer.closed.then(undefined, () => undefined);
  return {
    write(data) { wait(writer.write(data)); },
    end() { wait(writer.close()); },
    close(error) { writer.abort(error).then(undefined, () => undefined); },
  };
}
