import zlib from 'node:zlib';

import { byCallback } from './by_node.js';
import { ORIGINAL, type Target } from './replacement.js';

/** Less takes less time than a thread takes to begin: 0.2 ms for gzip. */
const MUCH_TO_COMPRESS = 8 * 1024;
/** Of compressed data: it may become a thousand times as much. */
const MUCH_TO_EXPAND = 512;

const NAMES: Readonly<Record<string, number>> = {
  deflate: MUCH_TO_COMPRESS,
  deflateRaw: MUCH_TO_COMPRESS,
  gzip: MUCH_TO_COMPRESS,
  brotliCompress: MUCH_TO_COMPRESS,
  zstdCompress: MUCH_TO_COMPRESS,
  inflate: MUCH_TO_EXPAND,
  inflateRaw: MUCH_TO_EXPAND,
  gunzip: MUCH_TO_EXPAND,
  unzip: MUCH_TO_EXPAND,
  brotliDecompress: MUCH_TO_EXPAND,
  zstdDecompress: MUCH_TO_EXPAND,
};

function park(name: string, much: number): Target['park'] {
  return (args) => {
    const [data, options] = args as [string | ArrayBufferView, unknown];
    const size = typeof data === 'string' ? data.length : (data as ArrayBufferView | undefined)?.byteLength;
    if (size === undefined || size < much || typeof options === 'function') return ORIGINAL;
    // The sync form, which sees all data at once, writes their size into the frame.
    const whole = { pledgedSrcSize: typeof data === 'string' ? Buffer.byteLength(data) : size };
    const given = name === 'zstdCompress' ? { ...whole, ...(options as object | undefined) } : (options ?? {});
    return byCallback(`zlib.${name}Sync`, '', (zlib as never)[name], [data, given], 2);
  };
}

/** What `patch` replaces of node:zlib. */
export function zlibTargets(): Target[] {
  return Object.entries(NAMES).map(([name, much]) => ({ name: `zlib.${name}Sync`, holder: zlib, key: `${name}Sync`, park: park(name, much) }));
}
