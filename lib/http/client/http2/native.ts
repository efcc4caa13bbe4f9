import { native } from '../../../internal/native.js';
import { seam } from '../../../internal/outside.js';

/** The exports of native/binding/http2_client.cc. A negative result is a code. */
interface Http2ClientNative {
  /** HTTP/2 has the socket from now on. The number of a connection. */
  http2ClientOpen: (socket: number, streamWindow: number, headBytes: number, silentMs: number, secure: boolean) => number;
  /**
   * Parks until something has happened, and says what. `to` gets how many streams the server takes or -1, whether it takes no further ones,
   * and at the end a failure and a code.
   */
  http2ClientNext: (connection: number, to: Int32Array) => number;
  /** Sends what the kernel has not taken at once. Parks. */
  http2ClientSendRest: (connection: number) => void;
  /** What was said about its end, or "". */
  http2ClientReason: (connection: number) => string;
  /** The socket is not used any more. */
  http2ClientClose: (connection: number) => void;
  /** Begins a request; `ended`: `body` is all of the body. The number of a stream. */
  http2ClientRequest: (
    connection: number, head: string, body: string | Uint8Array | undefined, ended: boolean, headBytes: number,
  ) => number;
  /** What has arrived, 0 at the end, ETIMEDOUT after `ms` milliseconds; negative: no limit. Tells of a head that it begins with. Parks. */
  http2ClientRead: (stream: number, ms: number, told: Float64Array, mostBytes: number, mostFields: number) => Buffer | number;
  /** Parks. */
  http2ClientWrite: (stream: number, data: string | Uint8Array) => number;
  /** The request is whole. `trailers`: lines, or "". */
  http2ClientFinish: (stream: number, trailers: string) => number;
  http2ClientTrailers: (stream: number) => Buffer | undefined;
  /** Tells how it has ended, the error of HTTP/2, and of its connection the failure and a code. */
  http2ClientFate: (stream: number, told: Float64Array) => void;
  /** Cancels what is under way. The number is free for another stream. */
  http2ClientRelease: (stream: number) => void;
}

const originals = native as unknown as Http2ClientNative;

export let {
  http2ClientOpen, http2ClientNext, http2ClientSendRest, http2ClientReason, http2ClientClose, http2ClientRequest,
  http2ClientRead, http2ClientWrite, http2ClientFinish, http2ClientTrailers, http2ClientFate, http2ClientRelease,
} = originals;

seam('http2 client', originals, (calls) => {
  ({
    http2ClientOpen, http2ClientNext, http2ClientSendRest, http2ClientReason, http2ClientClose, http2ClientRequest,
    http2ClientRead, http2ClientWrite, http2ClientFinish, http2ClientTrailers, http2ClientFate, http2ClientRelease,
  } = calls);
});

/** What {@link Http2ClientNative.http2ClientNext} returns, in the order of http2::ClientConnection::Event; 2: it is over. */
export const CHANGED = 0;
export const SEND_REST = 1;
