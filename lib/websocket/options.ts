import { booleanOf, integerIn, invalidType, numberIn } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { MOST_BITS } from './extensions.js';

/** How messages are compressed; see {@link WebSocketOptions.compression}. */
export interface CompressionOptions {
  /** Messages with fewer bytes are sent as they are. Default 1024. */
  threshold?: number;
  /** 1, fast, to 9, small, as in `node:zlib`. Default 3. */
  level?: number;
  /**
   * Whether messages may refer to earlier ones of the same socket, in each direction in which the peer agrees: then short ones that are
   * alike become much shorter. Costs up to 40 KiB of memory a socket and direction, and more time. Default false.
   */
  contextTakeover?: boolean;
  /**
   * How far back what is compressed may refer, as a power of 2: 9 (512 bytes) to 15 (32 KiB). Less takes less memory and time, in the
   * other direction only if the peer agrees. Default 15.
   */
  windowBits?: number;
}

/** The options that both sides of a WebSocket have. */
export interface WebSocketOptions {
  /**
   * Whether messages may be compressed (permessage-deflate, RFC 7692), if the peer agrees. Default false. Without `contextTakeover` each
   * message is compressed by itself, and a socket that is idle holds no memory for it.
   */
  compression?: boolean | CompressionOptions;
  /** The most bytes of a message that is received, decompressed; beyond: `ERR_WEBSOCKET_TOO_BIG`. Default 1 MiB. */
  maxMessageBytes?: number;
  /**
   * Milliseconds without anything from the peer after which `receive` sends a ping; after as many more the connection counts as lost
   * (`ERR_WEBSOCKET_TIMEOUT`). 0: never. Default 30,000.
   */
  pingInterval?: number;
  /** The most milliseconds that `close` waits for the peer. Default 5000. */
  closeTimeout?: number;
  /**
   * Whether long messages are lent instead of given, which saves a third of the CPU time at 16 KiB. The Buffer of a message of more than
   * 4 KiB of bytes that came uncompressed is empty (its ArrayBuffer is detached) from the next call of `receive` or `close` of this socket
   * on, and from the end of its handler; the memory goes to later messages. Copy what you keep, and what you give to calls of Node that
   * go on after they have returned, such as `fs.write` with a callback. Calls of this library that have begun hold it. Default false.
   */
  borrow?: boolean;
}

export const WEBSOCKET_OPTIONS = [
  'compression', 'maxMessageBytes', 'pingInterval', 'closeTimeout', 'borrow',
] as const satisfies (keyof WebSocketOptions)[];

/** The options, checked. */
export interface Settings {
  readonly compression: Required<CompressionOptions> | undefined;
  readonly maxMessageBytes: number;
  readonly pingInterval: number;
  readonly closeTimeout: number;
  readonly borrow: boolean;
}

const COMPRESSION = new Set(['threshold', 'level', 'contextTakeover', 'windowBits']);
/** zlib cannot do 8. */
const LEAST_OWN_BITS = 9;
const USUAL_MESSAGE_BYTES = 1024 * 1024;
const LONGEST_MS = 2 ** 31 - 1;

export function settingsOf(options: WebSocketOptions): Settings {
  const { compression = false, maxMessageBytes = USUAL_MESSAGE_BYTES, pingInterval = 30_000 } = options;
  const { closeTimeout = 5000, borrow = false } = options;
  return {
    compression: compressionOf(compression),
    maxMessageBytes: integerIn('options.maxMessageBytes', maxMessageBytes, 0, Number.MAX_SAFE_INTEGER),
    pingInterval: numberIn('options.pingInterval', pingInterval, 0, LONGEST_MS),
    closeTimeout: numberIn('options.closeTimeout', closeTimeout, 0, LONGEST_MS),
    borrow: booleanOf('options.borrow', borrow),
  };
}

function compressionOf(given: boolean | CompressionOptions): Required<CompressionOptions> | undefined {
  if (typeof given === 'object' && given !== null) {
    knownOptions('options.compression', given, COMPRESSION);
    const { threshold = 1024, level = 3, contextTakeover = false, windowBits = MOST_BITS } = given;
    return {
      threshold: integerIn('options.compression.threshold', threshold, 0, Number.MAX_SAFE_INTEGER),
      level: integerIn('options.compression.level', level, 1, 9),
      contextTakeover: booleanOf('options.compression.contextTakeover', contextTakeover),
      windowBits: integerIn('options.compression.windowBits', windowBits, LEAST_OWN_BITS, MOST_BITS),
    };
  }
  if (typeof given !== 'boolean') throw invalidType('options.compression', 'a boolean or an object', given);
  return booleanOf('options.compression', given) ? compressionOf({}) : undefined;
}
