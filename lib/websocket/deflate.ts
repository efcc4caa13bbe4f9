import zlib from 'node:zlib';

import { deflateRawSync, inflateRawSync } from '../internal/originals.js';
import { waitCallback } from '../async/wait_callback.js';
import { MOST_BITS } from './extensions.js';
import type { CompressionOptions } from './options.js';
import { tooBig } from './violations.js';
import { WebSocketError } from './errors.js';
import { INVALID_DATA } from './close_codes.js';

const { Z_SYNC_FLUSH } = zlib.constants;
/** What a compressed message ends with and leaves out; RFC 7692, section 7.2.1. */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
/** Longer messages are compressed and decompressed on another thread: here it would take a millisecond. */
const MOST_INLINE = 16 * 1024;
/** Of a decompressed message. */
const MOST_INFLATED_INLINE = 64 * 1024;

/** Compresses and decompresses messages, each by itself. */
export class Deflate {
  readonly threshold: number;
  private readonly options: zlib.ZlibOptions;

  constructor(settings: Required<CompressionOptions>, readonly windowBits = MOST_BITS) {
    this.threshold = settings.threshold;
    this.options = { level: settings.level, windowBits, finishFlush: Z_SYNC_FLUSH };
  }

  /** The payload of a compressed frame. Parks for long ones. */
  compress(data: string | Uint8Array): Buffer {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const { options } = this;
    const compressed = bytes.length <= MOST_INLINE
      ? deflateRawSync(bytes, options)
      : waitCallback<Buffer>((done) => { zlib.deflateRaw(bytes, options, done); });
    return compressed.subarray(0, compressed.length - TAIL.length);
  }

  /** The message, of at most `most` bytes. Parks for long ones. */
  decompress(payload: Buffer, most: number): Buffer {
    const bytes = Buffer.concat([payload, TAIL]);
    try {
      if (bytes.length <= MOST_INLINE) {
        const message = inflateHere(bytes, Math.min(most, MOST_INFLATED_INLINE));
        if (message) return message;
        if (most <= MOST_INFLATED_INLINE) throw tooBig();
      }
      const options = { finishFlush: Z_SYNC_FLUSH, maxOutputLength: limit(most) };
      return checked(waitCallback<Buffer>((done) => { zlib.inflateRaw(bytes, options, done); }), most);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ERR_BUFFER_TOO_LARGE') throw tooBig();
      if (code === undefined || !code.startsWith('Z_')) throw error;
      const message = 'websocket.receive: the data is not compressed as agreed';
      throw new WebSocketError('ERR_WEBSOCKET_INVALID_DATA', message, INVALID_DATA, { cause: error });
    }
  }
}

/** zlib takes no limit of 0. */
const limit = (most: number): number => Math.min(Math.max(most, 1), 2 ** 31);

function checked(message: Buffer, most: number): Buffer {
  if (message.length > most) throw tooBig();
  return message;
}

/** Undefined when there is more than `most` bytes. */
function inflateHere(bytes: Buffer, most: number): Buffer | undefined {
  try {
    const message = inflateRawSync(bytes, { finishFlush: Z_SYNC_FLUSH, maxOutputLength: limit(most) });
    return message.length > most ? undefined : message;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
}
