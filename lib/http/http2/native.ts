import { native } from '../../internal/native.js';
import { seam } from '../../internal/outside.js';

/** The exports of native/binding/http2.cc. A stream is a number that the functions of ../native.ts take, too. */
interface Http2Native {
  /** What this Node lacks for HTTP/2; undefined: nothing. */
  http2Missing: () => string | undefined;
  /** HTTP/2 has the connection from now on. 0 or a code. */
  http2Start: (connection: number) => number;
  /** Parks until something has happened, and says what; `to` gets a stream's number, and what describes its head. */
  http2Next: (connection: number, to: Int32Array) => number;
  /** Sends what the kernel has not taken at once. Parks. */
  http2SendRest: (connection: number) => void;
  http2Done: (stream: number) => void;
  /** Whether the stream whose coroutine has just begun was refused for having waited too long. */
  http2Shed: (connection: number, stream: number) => boolean;
  /** Those of a request whose body was read: `[name, value, …]`. */
  http2Trailers: (stream: number) => string[] | undefined;
  /** Accepts what a request of extended CONNECT asks for, with `fields` as whole lines. 0 or a code. */
  http2OpenTunnel: (stream: number, fields: string) => number;
  /** Ends it both ways. */
  http2CloseTunnel: (stream: number) => void;
  /** The bytes that wait for the client's windows. */
  http2Queued: (stream: number) => number;
}

const originals = native as unknown as Http2Native;

export let {
  http2Missing, http2Start, http2Next, http2SendRest, http2Done, http2Shed, http2Trailers, http2OpenTunnel, http2CloseTunnel,
  http2Queued,
} = originals;

seam('http2', originals, (calls) => {
  ({
    http2Missing, http2Start, http2Next, http2SendRest, http2Done, http2Shed, http2Trailers, http2OpenTunnel, http2CloseTunnel,
    http2Queued,
  } = calls);
});

/** What {@link Http2Native.http2Next} returns, in the order of http2::Connection::Event; 3: the connection is over. */
export const STREAM_BEGINS = 0;
export const STREAM_LEFT = 1;
export const SEND_REST = 2;

/** Numbers of streams begin here, and those of connections end before: `Http::kStream` of native/binding/http_records.h. */
export const FIRST_STREAM = 2 ** 30;
