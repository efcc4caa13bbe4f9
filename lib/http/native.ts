import { native } from '../internal/native.js';
import { seam } from '../internal/outside.js';
import type { Http2Options } from './http2/settings.js';
import type { GivenLimits } from './limits.js';

/**
 * The exports of native/binding/http*.cc. Connections, servers and streams are numbers; a stream of
 * HTTP/2 may stand for a connection where that has a request. A call that ends in the wait for the next
 * request returns a number that describes its head (see {@link HEAD_METHOD}), 0 when the connection has to be closed, or a
 * code.
 */
interface HttpNative {
  httpListen: (
    host: string,
    port: number,
    path: string | undefined,
    backlog: number,
    reusePort: boolean,
    fd: number,
    mostCoroutines: number,
    limits: GivenLimits,
    http2: Http2Options | undefined,
  ) => number;
  httpListenFd: (host: string, port: number, path: undefined, backlog: number, reusePort: boolean) => number;
  httpAddress: (server: number) => [host: string, port: number, ipv6: boolean] | undefined;
  httpFdAddress: (fd: number) => [host: string, port: number, ipv6: boolean] | undefined;
  httpSteer: (fd: number, first: number, count: number) => number;
  httpAccept: (server: number, wait: boolean) => number;
  /** Parks until woken, or until {@link httpDeparture} has a connection to return. */
  httpPause: (server: number) => void;
  /** Twice the number of a connection whose client has left, plus 1 if it is gone for good; -1 for none. */
  httpDeparture: (server: number) => number;
  httpUnref: (server: number) => void;
  httpClose: (server: number, endIdle: boolean) => void;
  httpForget: (server: number) => void;
  httpStats: (server: number, to: Float64Array) => void;

  httpRemote: (connection: number) => [host: string, port: number, ipv6: boolean] | undefined;
  /** Up to `n` bytes before the first request, 0 at the end, or a code. Parks. */
  httpReadBefore: (connection: number, n: number, ms: number) => Buffer | number;
  /** Parks. */
  httpHandOver: (connection: number) => [socket: number, received: Buffer] | number;
  httpDone: (connection: number) => void;
  httpForceClose: (connection: number) => void;

  httpNext: (connection: number) => number;
  httpText: (connection: number, text: string) => number;
  httpRespond: (connection: number, status: number, fields: string, body: string | Uint8Array | undefined) => number;
  httpBegin: (connection: number, status: number, fields: string, length: number) => number;
  httpEarlyHints: (connection: number, fields: string) => number;
  httpWrite: (connection: number, data: string | Uint8Array) => number;
  httpSendFile: (connection: number, fd: number, offset: number, length: number) => number;
  /** `trailers`: whole lines. */
  httpFinish: (connection: number, trailers?: string) => number;

  httpMethod: (connection: number) => string | undefined;
  httpTarget: (connection: number) => string | undefined;
  httpPath: (connection: number) => string | number | undefined;
  httpHeader: (connection: number, name: string) => string | undefined;
  httpHeaders: (connection: number) => string[] | undefined;
  /** A number that stands for all fields, byte for byte, or -1. Its lowest 8 bits tell at most 256 apart that are of use at a time. */
  httpHeaderBlock: (connection: number) => number;
  httpFileHints: (connection: number) => number | undefined;
  httpClientLeft: (connection: number) => boolean;
  httpPolls: () => number;
  httpNow: () => number;
  httpBodyLength: (connection: number) => number;
  httpLimitBody: (connection: number, bytes: number) => void;
  /** A whole small body that has arrived with its head; undefined when it has to be read. */
  httpTakeBody: (connection: number) => Buffer | undefined;
  httpReadBody: (connection: number, to: Uint8Array, from: number) => number;
}

const originals = native as unknown as HttpNative;

export let {
  httpListen, httpListenFd, httpAddress, httpFdAddress, httpSteer, httpAccept, httpPause, httpDeparture, httpUnref, httpClose,
  httpForget, httpStats, httpRemote, httpReadBefore, httpHandOver, httpDone, httpForceClose, httpNext, httpText, httpRespond,
  httpBegin, httpEarlyHints, httpWrite, httpSendFile, httpFinish, httpMethod, httpTarget, httpPath, httpHeader, httpHeaders,
  httpHeaderBlock, httpFileHints, httpClientLeft, httpPolls, httpNow, httpBodyLength, httpLimitBody, httpTakeBody,
  httpReadBody,
} = originals;

seam('http', originals, (calls) => {
  ({
    httpListen, httpListenFd, httpAddress, httpFdAddress, httpSteer, httpAccept, httpPause, httpDeparture, httpUnref,
    httpClose, httpForget, httpStats, httpRemote, httpReadBefore, httpHandOver, httpDone, httpForceClose, httpNext, httpText,
    httpRespond, httpBegin, httpEarlyHints, httpWrite, httpSendFile, httpFinish, httpMethod, httpTarget, httpPath, httpHeader,
    httpHeaders, httpHeaderBlock, httpFileHints, httpClientLeft, httpPolls, httpNow, httpBodyLength, httpLimitBody,
    httpTakeBody, httpReadBody,
  } = calls);
});

/** The parts of the number that describes a request's head. */
export const HEAD_METHOD = 15;
export const HEAD_MINOR_VERSION = 16;
export const HEAD_BODY = 32;
export const HEAD_HTTP2 = 128;
/** The request is one of extended CONNECT (RFC 8441), which stands here as a GET. */
export const HEAD_ASKS_FOR_TUNNEL = 256;
/** Instead of a head: the client speaks HTTP/2. */
export const SPEAKS_HTTP2 = 128;

/** In the order of `enum class Method` in native/http/parser.h; the first stands for all other tokens. */
export const METHODS = ['', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'CONNECT', 'TRACE'] as const;
export const METHOD_HEAD = 2;
export const METHOD_CONNECT = 8;

