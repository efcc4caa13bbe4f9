import { STATUS_CODES } from 'node:http';

import { check } from '../internal/codes.js';
import { BODY_MALFORMED, BODY_TIMEOUT, BODY_TOO_LARGE, CONNECTION_BUSY, ECONNRESET, REQUEST_OVER } from '../internal/results.js';
import type { ResponseHeaders } from './fields.js';

/**
 * Thrown in a handler, it becomes the response: its status, and its message as text. It is not reported to `onError`.
 *
 * The library throws it for a client's errors: a body that is too large (`ERR_HTTP_BODY_TOO_LARGE`, 413), malformed
 * (`ERR_HTTP_BODY_MALFORMED`, 400), too slow (`ERR_HTTP_BODY_TIMEOUT`, 408), broken off (`ERR_HTTP_BODY_ABORTED`, 400) or
 * not JSON (`ERR_HTTP_BODY_NOT_JSON`, 400), and a target without a path (`ERR_HTTP_INVALID_TARGET`, 400 or 404).
 *
 * @example
 * ```ts
 * import { HttpError, serve } from 'stackful/http';
 *
 * const server = serve((request) => {
 *   if (request.path !== '/') throw new HttpError(404, 'there is only one page');
 *   return 'the page';
 * }, { host: '127.0.0.1' });
 * const response = await fetch(`http://127.0.0.1:${server.port}/other`);
 * console.log(response.status); // 404
 * await response.text(); // there is only one page
 * await server.close();
 * ```
 */
export class HttpError extends Error {
  /** The status of the response. */
  readonly status: number;
  readonly code: string;
  /** More headers of the response: `Retry-After`, `WWW-Authenticate`. */
  readonly headers: ResponseHeaders | undefined;
  /**
   * The message is sent as text, unless the headers have a Content-Type; without one, it is the status's usual phrase. `options.code`
   * sets `code`, `options.headers` are sent with it.
   */
  constructor(status: number, message?: string, options?: ErrorOptions & { code?: string; headers?: ResponseHeaders }) {
    super(message ?? STATUS_CODES[status] ?? 'Error', options);
    this.name = 'HttpError';
    this.status = status;
    this.code = options?.code ?? 'ERR_HTTP';
    this.headers = options?.headers;
  }
}

/**
 * The client has left before it had its response: the reason of `request.signal`, and of the handler's CancelledError. It is
 * not reported to `onError`.
 */
export class ClientLeftError extends Error {
  readonly code = 'ERR_HTTP_CLIENT_LEFT';
  constructor() {
    super('the client has left');
    this.name = 'ClientLeftError';
  }
}

/** Whether `error` is that of a handler which was cancelled because its client left. */
export function tellsOfDeparture(error: unknown): boolean {
  return error instanceof ClientLeftError || (error instanceof Error && error.cause instanceof ClientLeftError);
}

/** A connection was refused because it does not begin as `proxyProtocol` of `serve` wants it to. */
export class ProxyProtocolError extends Error {
  readonly code = 'ERR_HTTP_PROXY_PROTOCOL';
  /** @internal */
  constructor(message: string) {
    super(message);
    this.name = 'ProxyProtocolError';
  }
}

/** `serve` was asked for HTTP/2, for which this Node lacks something. */
export class Http2UnsupportedError extends Error {
  readonly code = 'ERR_HTTP2_UNSUPPORTED';
  /** @internal */
  constructor(missing: string) {
    super(`HTTP/2 is not available in this Node: it does not have ${missing}`);
    this.name = 'Http2UnsupportedError';
  }
}

function coded(ErrorClass: typeof Error, code: string, message: string): Error {
  return Object.assign(new ErrorClass(message), { code });
}

/** The error for a property of a request that is first read after the request is over. */
export function requestOver(what: string): Error {
  return coded(
    Error,
    'ERR_HTTP_REQUEST_OVER',
    `${what} was first read after the response was sent; it must be read before`,
  );
}

export function invalidHeaderName(name: string): Error {
  return coded(TypeError, 'ERR_INVALID_HTTP_TOKEN', `Header name must be a valid HTTP token [${JSON.stringify(name)}]`);
}

export function invalidHeaderValue(name: string): Error {
  return coded(TypeError, 'ERR_INVALID_CHAR', `Invalid character in header content [${JSON.stringify(name)}]`);
}

export function forbiddenHeader(name: string): Error {
  return coded(TypeError, 'ERR_HTTP_FORBIDDEN_HEADER', `The header ${name} is the server's own to write`);
}

export function lengthMismatch(announced: number, actual: number): Error {
  return coded(
    Error,
    'ERR_HTTP_CONTENT_LENGTH_MISMATCH',
    `Content-Length says ${String(announced)} bytes, the body has ${String(actual)}`,
  );
}

/** Returns the result of reading a body; throws the error of a negative one. */
export function checkBody(code: number): number {
  if (code >= 0) return code;
  switch (code) {
    case BODY_TOO_LARGE:
      throw new HttpError(413, 'the body is too large', { code: 'ERR_HTTP_BODY_TOO_LARGE' });
    case BODY_MALFORMED:
      throw new HttpError(400, 'the body is malformed', { code: 'ERR_HTTP_BODY_MALFORMED' });
    case BODY_TIMEOUT:
      throw new HttpError(408, 'the body did not arrive in time', { code: 'ERR_HTTP_BODY_TIMEOUT' });
    case ECONNRESET: // also when the stream ended before the body did
      throw new HttpError(400, 'the client broke the body off', { code: 'ERR_HTTP_BODY_ABORTED' });
    case CONNECTION_BUSY:
      throw coded(Error, 'ERR_HTTP_BODY_IN_USE', 'another coroutine is reading this body');
    case REQUEST_OVER:
      throw requestOver('the body');
  }
  return check(code, 'request.readBody', 'recv');
}
