import { integerIn, invalidType } from '../../internal/arguments.js';
import { Http2UnsupportedError } from '../errors.js';
import { refuseUnknown } from '../known.js';
import { http2Missing } from './native.js';

/** What a server offers its clients over HTTP/2, and what it puts up with from them. */
export interface Http2Options {
  /** Requests of one connection at the same time; further ones are refused, and clients send them later. Default 100. */
  maxConcurrentStreams?: number;
  /** Bytes of a body that a client may send ahead of the handler that reads it. Default 128 KiB. */
  streamWindow?: number;
  /**
   * The same for all bodies of a connection together: with bodies that no handler reads, the others of that connection wait, too.
   * At least 65535. Default 1 MiB.
   */
  connectionWindow?: number;
  /**
   * How many frames that are part of no request and no response a client may send in a row: PING, SETTINGS, PRIORITY, RST_STREAM,
   * empty DATA, WINDOW_UPDATEs beyond what the bytes it receives call for. Beyond, the connection ends with `ENHANCE_YOUR_CALM`.
   * Default 1000.
   */
  controlFrames?: number;
  /** How many more of them it may send with each second. Default 100. */
  controlFramesPerSecond?: number;
}

const MOST = 2 ** 31 - 1;
const RANGES: Record<keyof Http2Options, readonly [least: number, most: number]> = {
  maxConcurrentStreams: [1, 1_000_000],
  streamWindow: [1, MOST],
  connectionWindow: [65535, MOST],
  controlFrames: [1, 1_000_000],
  controlFramesPerSecond: [0, 1_000_000],
};

/** It bounds the frames of one header block; 1.48, which orders streams as RFC 9218 says, does not. */
const LEAST_NGHTTP2 = [1, 61] as const;

/** What this Node lacks for HTTP/2; undefined: nothing. */
export function lacking(): string | undefined {
  const [major, minor] = (process.versions['nghttp2'] ?? '0.0').split('.').map(Number) as [number, number];
  const [leastMajor, leastMinor] = LEAST_NGHTTP2;
  if (major !== leastMajor || minor < leastMinor) return `nghttp2 ${LEAST_NGHTTP2.join('.')} or later`;
  return http2Missing();
}

/** The settings for native code; undefined when HTTP/2 is not spoken. */
export function givenSettings(http2: boolean | Http2Options | undefined): Http2Options | undefined {
  if (http2 === undefined || http2 === false) return undefined;
  if (http2 !== true && (typeof http2 !== 'object' || http2 === null)) throw invalidType('options.http2', 'a boolean or an object', http2);
  const missing = lacking();
  if (missing !== undefined) throw new Http2UnsupportedError(missing);
  const given: Http2Options = {};
  if (http2 === true) return given;
  const names = Object.keys(RANGES) as (keyof Http2Options)[];
  refuseUnknown('options.http2', http2, names);
  for (const name of names) {
    const value = http2[name];
    if (value !== undefined) given[name] = integerIn(`options.http2.${name}`, value, ...RANGES[name]);
  }
  return given;
}
