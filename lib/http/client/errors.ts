import { StackfulError } from '../../internal/errors.js';

/** What an {@link HttpClientError} is about; the table stands in docs/http-client.md. */
export type HttpClientErrorCode =
  | 'ERR_HTTP_CLIENT_STATUS_LINE'
  | 'ERR_HTTP_CLIENT_VERSION'
  | 'ERR_HTTP_CLIENT_FIELD'
  | 'ERR_HTTP_CLIENT_HEAD_TOO_LARGE'
  | 'ERR_HTTP_CLIENT_CONTENT_LENGTH'
  | 'ERR_HTTP_CLIENT_TRANSFER_ENCODING'
  | 'ERR_HTTP_CLIENT_CHUNK'
  | 'ERR_HTTP_CLIENT_INFORMATIONAL'
  | 'ERR_HTTP_CLIENT_CLOSED'
  | 'ERR_HTTP_CLIENT_TRUNCATED'
  | 'ERR_HTTP_CLIENT_CONNECT_TIMEOUT'
  | 'ERR_HTTP_CLIENT_HEADERS_TIMEOUT'
  | 'ERR_HTTP_CLIENT_BODY_TIMEOUT'
  | 'ERR_HTTP_CLIENT_BODY_TOO_LARGE'
  | 'ERR_HTTP_CLIENT_BODY_IN_USE'
  | 'ERR_HTTP_CLIENT_BODY_LENGTH'
  | 'ERR_HTTP_CLIENT_DECODING'
  | 'ERR_HTTP_CLIENT_REDIRECT'
  | 'ERR_HTTP_CLIENT_PROXY'
  | 'ERR_HTTP_CLIENT_UPGRADE'
  | 'ERR_HTTP_CLIENT_HTTP2'
  | 'ERR_HTTP_CLIENT_RESET'
  | 'ERR_HTTP_CLIENT_REFUSED'
  | 'ERR_HTTP_CLIENT_HTTP1_REQUIRED'
  | 'ERR_HTTP_CLIENT_PING_TIMEOUT'
  | 'ERR_HTTP_CLIENT_ENDED';

/**
 * A request has failed for a reason that is HTTP's: an answer that is malformed, too large, too slow or not whole, a redirect that is
 * not followed, a proxy that refuses. `code` tells which. Failures of the connection are the system's errors, as of `stackful/net`.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { HttpClientError, request } from 'stackful/http/client';
 * import { listen } from 'stackful/net';
 *
 * await spawn(() => {
 *   using listener = listen({ host: '127.0.0.1', port: 0 });
 *   spawn(() => {
 *     using peer = listener.accept();
 *     peer.readUntil('\r\n\r\n');
 *     peer.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n');
 *   });
 *   try {
 *     request(`http://127.0.0.1:${listener.address.port}/`);
 *   } catch (error) {
 *     if (error instanceof HttpClientError) console.log(error.code); // ERR_HTTP_CLIENT_CONTENT_LENGTH
 *   }
 * });
 * ```
 */
export class HttpClientError extends StackfulError {
  readonly code: HttpClientErrorCode;
  /** @internal */
  constructor(code: HttpClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** By the numbers of `enum class HeadFault` in native/http/response_head.h. */
const FAULTS: readonly (readonly [code: HttpClientErrorCode, what: string])[] = [
  ['ERR_HTTP_CLIENT_STATUS_LINE', 'is none of HTTP'],
  ['ERR_HTTP_CLIENT_STATUS_LINE', 'has a malformed status line'],
  ['ERR_HTTP_CLIENT_VERSION', 'is of a version other than HTTP/1'],
  ['ERR_HTTP_CLIENT_FIELD', 'has a malformed header line'],
  ['ERR_HTTP_CLIENT_HEAD_TOO_LARGE', 'has a head with too many bytes'],
  ['ERR_HTTP_CLIENT_HEAD_TOO_LARGE', 'has too many headers'],
  ['ERR_HTTP_CLIENT_CONTENT_LENGTH', 'has no clear Content-Length'],
  ['ERR_HTTP_CLIENT_TRANSFER_ENCODING', 'has a Transfer-Encoding that is unknown, or not allowed here'],
];

export function headFault(fault: number, origin: string): HttpClientError {
  const [code, what] = FAULTS[fault]!;
  return new HttpClientError(code, `the answer of ${origin} ${what}`);
}

/** The connection has ended, or failed, before anything of an answer has come. */
export function closedEarly(origin: string, cause?: unknown): HttpClientError {
  const message = `${origin} has closed the connection without an answer`;
  return new HttpClientError('ERR_HTTP_CLIENT_CLOSED', message, cause === undefined ? undefined : { cause });
}

/** Whether `error` is the system's about a connection that is no more. */
export function isDisconnection(error: unknown): boolean {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED';
}
