import { closedEarly, HttpClientError } from '../errors.js';

/** How a stream has ended, as `ClientStream::End` of native/http2/client_stream.h. */
export const enum End {
  none,
  complete,
  reset,
  malformed,
  unprocessed,
  headTooLarge,
  connection,
}

/** Why a connection can be used no longer, as `Failure` there. */
export const enum Failure {
  none,
  ended,
  protocol,
  flood,
  silent,
  system,
}

/** The errors of HTTP/2 by their numbers (RFC 9113 section 7). */
const ERRORS = [
  'NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT', 'STREAM_CLOSED', 'FRAME_SIZE_ERROR',
  'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR', 'CONNECT_ERROR', 'ENHANCE_YOUR_CALM', 'INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED',
];

const NO_ERROR = 0;
export const HTTP_1_1_REQUIRED = 13;

const nameOf = (error: number): string => ERRORS[error] ?? `error ${String(error)}`;

/** The error of a stream that has ended before its answer was complete, while its connection goes on. */
export function streamError(end: End, error: number, origin: string): HttpClientError {
  switch (end) {
    case End.reset:
      // A response may be whole, or cut off: node:http2 sends the same for both.
      if (error === NO_ERROR) {
        return new HttpClientError('ERR_HTTP_CLIENT_RESET',
          `${origin} has not said whether its answer is whole: it has neither a Content-Length nor an end, but a reset with NO_ERROR`);
      }
      return new HttpClientError('ERR_HTTP_CLIENT_RESET', `${origin} has reset the request's stream: ${nameOf(error)}`);
    case End.unprocessed:
      return refused(origin);
    case End.headTooLarge:
      return new HttpClientError('ERR_HTTP_CLIENT_HEAD_TOO_LARGE', `the answer of ${origin} has a head with too many bytes`);
    default:
      return new HttpClientError('ERR_HTTP_CLIENT_HTTP2', `the answer of ${origin} breaks the rules of HTTP/2: ${nameOf(error)}`);
  }
}

/** The server has done nothing for the request: it may be sent again, whatever its method is. */
export function refused(origin: string, options?: ErrorOptions): HttpClientError {
  return new HttpClientError('ERR_HTTP_CLIENT_REFUSED', `${origin} has not taken the request`, options);
}

/** The server answers this request over HTTP/1.1 only: it may be sent again so, as it was not answered here. */
export function wantsHttp1(origin: string): HttpClientError {
  return new HttpClientError('ERR_HTTP_CLIENT_HTTP1_REQUIRED', `${origin} takes the request over HTTP/1.1 only`);
}

/** The error of a connection's end, for a request on it. @param reason what was said about it; may be empty */
export function connectionError(failure: Failure, reason: string, origin: string, answered: boolean): HttpClientError {
  const why = reason === '' ? '' : ` (${reason})`;
  switch (failure) {
    case Failure.protocol:
      return new HttpClientError('ERR_HTTP_CLIENT_HTTP2', `${origin} does not keep to HTTP/2${why}`);
    case Failure.flood:
      return new HttpClientError('ERR_HTTP_CLIENT_HTTP2', `${origin} sends too many frames that are part of no answer`);
    case Failure.silent:
      return new HttpClientError('ERR_HTTP_CLIENT_PING_TIMEOUT', `${origin} is silent, and does not answer a PING`);
    default:
      if (!answered && why === '') return closedEarly(origin);
      if (!answered) return new HttpClientError('ERR_HTTP_CLIENT_CLOSED', `${origin} has closed the connection without an answer${why}`);
      return new HttpClientError('ERR_HTTP_CLIENT_TRUNCATED', `the answer of ${origin} is not whole${why}`);
  }
}
