import fs from 'node:fs';
import zlib from 'node:zlib';

/**
 * Node's blocking functions as they were when the library was loaded. The library takes them from here, because stackful/patch
 * replaces them in node:fs: where the library makes a blocking call, it means one that does not park.
 */
export const {
  chmodSync, closeSync, existsSync, fstatSync, lstatSync, mkdirSync, mkdtempSync, openSync, readdirSync,
  readFileSync, readlinkSync, realpathSync, rmSync, statSync, unlinkSync, writeFileSync, writeSync,
} = fs;

export const { brotliCompressSync, brotliDecompressSync, deflateRawSync, gunzipSync, gzipSync, inflateRawSync } = zlib;
/** Undefined before Node 22.15. */
export const { zstdCompressSync } = zlib as { zstdCompressSync?: (data: Uint8Array, options: object) => Buffer };

/** `Atomics.wait`, which blocks the thread. */
export const atomicsWait: typeof Atomics.wait = Atomics.wait.bind(Atomics);
