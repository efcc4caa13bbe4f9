/// <reference types="node" preserve="true" />
/**
 * Between what parks and what flows: sockets, files, bodies and generators as streams of Node's or of the web, and the other way; and
 * a `Reader` for lines and exact sizes over all of them.
 *
 * @module stackful/stream
 */

export { fromReadable, fromWritable, toReadable, toWritable, type StreamOptions } from './stream/node.js';
export { fromWeb, toWeb, type ToWeb } from './stream/web.js';
export type { NodeReadable, NodeWritable } from './stream/kinds.js';
export { Reader } from './stream/reader.js';
export { Writer } from './stream/writer.js';
export type { Chunk, ReadSource, Source } from './stream/sources.js';
export type { Sink, WriteSink } from './stream/sinks.js';
export { PrematureCloseError, ReaderClosedError, WriteAfterEndError } from './stream/errors.js';
