import zlib from 'node:zlib';

import { deflateRawSync, inflateRawSync } from '../internal/originals.js';
import { waitCallback } from '../async/wait_callback.js';
import type { DeflateTerms } from './extensions.js';
import { History } from './history.js';
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

/** How a call of zlib knows what came before. */
const since = (history: History | undefined): zlib.ZlibOptions => {
  const dictionary = history?.window;
  return dictionary ? { dictionary } : {};
};

/**
 * Compresses and decompresses messages. Each is a stream of its own; where messages may refer to earlier ones, it begins with the last
 * bytes of those as its dictionary, which is the same for the other side. That takes a tenth of the memory of streams that are kept open,
 * and a message that was given up before it was sent has no part in what follows.
 */
export class Deflate {
  readonly threshold: number;
  readonly windowBits: number;
  private readonly options: zlib.ZlibOptions;
  private readonly inflating: zlib.ZlibOptions;
  private readonly own: History | undefined;
  private readonly peers: History | undefined;

  constructor(settings: Required<CompressionOptions>, { own, peer }: DeflateTerms) {
    this.threshold = settings.threshold;
    this.windowBits = own.windowBits;
    this.options = { level: settings.level, windowBits: own.windowBits, finishFlush: Z_SYNC_FLUSH };
    this.inflating = { windowBits: peer.windowBits, finishFlush: Z_SYNC_FLUSH };
    if (own.takesOver) this.own = new History(own.windowBits);
    if (peer.takesOver) this.peers = new History(peer.windowBits);
  }

  /** Whether messages that are sent refer to earlier ones: then one is compressed and sent before the next is compressed. */
  get takesOver(): boolean {
    return this.own !== undefined;
  }

  /** The payload of a compressed frame that goes out next. Parks for long ones. */
  compress(data: string | Uint8Array): Buffer {
    return this.compressed(data, { ...this.options, ...since(this.own) });
  }

  /** The same for any place among the messages. */
  compressAlone(data: string | Uint8Array): Buffer {
    return this.compressed(data, this.options);
  }

  /** A message has gone out compressed. */
  sent(data: Uint8Array): void {
    this.own?.add(data);
  }

  private compressed(data: string | Uint8Array, options: zlib.ZlibOptions): Buffer {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    // Another thread gets a copy: the caller's own may change meanwhile, and what a socket has lent it goes to the next message.
    const compressed = bytes.length <= MOST_INLINE
      ? deflateRawSync(bytes, options)
      : waitCallback<Buffer>((done) => { zlib.deflateRaw(bytes === data ? Buffer.from(bytes) : bytes, options, done); });
    return compressed.subarray(0, compressed.length - TAIL.length);
  }

  /** The message, of at most `most` bytes. Parks for long ones. */
  decompress(payload: Buffer, most: number): Buffer {
    const message = this.decompressed(Buffer.concat([payload, TAIL]), most, { ...this.inflating, ...since(this.peers) });
    this.peers?.add(message);
    return message;
  }

  private decompressed(bytes: Buffer, most: number, options: zlib.ZlibOptions): Buffer {
    try {
      if (bytes.length <= MOST_INLINE) {
        const message = inflateHere(bytes, Math.min(most, MOST_INFLATED_INLINE), options);
        if (message) return message;
        if (most <= MOST_INFLATED_INLINE) throw tooBig();
      }
      const limited = { ...options, maxOutputLength: limit(most) };
      return checked(waitCallback<Buffer>((done) => { zlib.inflateRaw(bytes, limited, done); }), most);
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
function inflateHere(bytes: Buffer, most: number, options: zlib.ZlibOptions): Buffer | undefined {
  try {
    const message = inflateRawSync(bytes, { ...options, maxOutputLength: limit(most) });
    return message.length > most ? undefined : message;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
}
