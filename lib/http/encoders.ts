import * as zlib from 'node:zlib';

import { waitCallback } from '../async/wait_callback.js';
import { brotliCompressSync, gzipSync, zstdCompressSync } from '../internal/originals.js';
import type { BodyPart } from './response.js';

/** A content coding of RFC 9110: how a body is compressed. */
export type Encoding = 'gzip' | 'br' | 'zstd';

/** How well each compresses, as its library counts: gzip 1 to 9, br 0 to 11, zstd 1 to 19. */
export type Levels = Readonly<Record<Encoding, number>>;

const { constants } = zlib;
/** Compressing so little costs less than the way to another thread. */
const INLINE_BYTES = 32 * 1024;

interface Encoder {
  readonly options: (level: number, size?: number) => object;
  readonly sync: (data: Uint8Array, options: object) => Buffer;
  readonly pooled: (data: Uint8Array, options: object, done: (error: Error | null, result: Buffer) => void) => void;
  readonly stream: (options: object) => zlib.Gzip | zlib.BrotliCompress;
}

/** What is compressed has less bytes, mostly: one piece of memory instead of several to be joined. */
const chunkOf = (size: number | undefined) => (size === undefined ? {} : { chunkSize: Math.max(1024, Math.ceil(size / 2)) });

/** zstd came with Node 22.15. */
const zstd = (zlib as { zstdCompress?: Encoder['pooled']; createZstdCompress?: Encoder['stream'] });

const ENCODERS: Partial<Record<Encoding, Encoder>> = {
  gzip: {
    options: (level, size) => ({ level, ...chunkOf(size) }),
    sync: gzipSync,
    pooled: zlib.gzip,
    stream: zlib.createGzip,
  },
  br: {
    options: (quality, size) => ({
      params: { [constants.BROTLI_PARAM_QUALITY]: quality, ...(size !== undefined && { [constants.BROTLI_PARAM_SIZE_HINT]: size }) },
      ...chunkOf(size),
    }),
    sync: brotliCompressSync,
    pooled: zlib.brotliCompress,
    stream: zlib.createBrotliCompress,
  },
  ...(zstdCompressSync && {
    zstd: {
      options: (level: number, size?: number) => ({
        params: { [(constants as unknown as Record<string, number>).ZSTD_c_compressionLevel!]: level },
        ...chunkOf(size),
      }),
      sync: zstdCompressSync,
      pooled: zstd.zstdCompress!,
      stream: zstd.createZstdCompress!,
    },
  }),
};

/** The encodings that this Node has. */
export const ENCODINGS = Object.keys(ENCODERS) as Encoding[];

/** All of a body, compressed. Little is compressed at once; more on the thread pool. Parks for that. */
export function encodeWhole(encoding: Encoding, level: number, data: Uint8Array, most = INLINE_BYTES): Buffer {
  const { options, sync, pooled } = ENCODERS[encoding]!;
  if (data.length <= most) return sync(data, options(level, data.length));
  return waitCallback<Buffer>((done) => { pooled(data, options(level, data.length), done); });
}

/** The parts of a body, each compressed so that a client can read it before the next comes. Each step parks. */
export function* encodeParts(encoding: Encoding, level: number, parts: Iterable<BodyPart>): Generator<Buffer, void, undefined> {
  const encoder = ENCODERS[encoding]!;
  const stream = encoder.stream(encoder.options(level));
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  const taken = (): Buffer => {
    // What it has made and not yet told.
    while (stream.read() !== null);
    return pieces.length === 1 ? pieces.pop()! : Buffer.concat(pieces.splice(0));
  };
  try {
    for (const part of parts) {
      if (part.length === 0) continue;
      waitCallback<undefined>((done) => {
        stream.write(part);
        stream.flush(() => { done(stream.errored); });
      });
      yield taken();
    }
    waitCallback<undefined>((done) => {
      stream.once('end', () => { done(null); }).once('error', done);
      stream.end();
    });
    yield taken();
  } finally {
    stream.destroy();
  }
}
