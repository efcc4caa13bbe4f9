import { STATUS_CODES } from 'node:http';

import { check } from '../internal/codes.js';
import { BODY_MALFORMED, BODY_TIMEOUT, BODY_TOO_LARGE, CONNECTION_BUSY, REQUEST_OVER } from './native.js';

/**
 * Thrown in a handler, it becomes the response: its status, and its message as text. It is not reported to `onError`.
 *
 * The library throws it for what a client did wrong: a body that is too large (`ERR_HTTP_BODY_TOO_LARGE`, 413),
 * malformed (`ERR_HTTP_BODY_MALFORMED`, 400), too slow (`ERR_HTTP_BODY_TIMEOUT`, 408) or broken off
 * (`ERR_HTTP_BODY_ABORTED`, 400), not the JSON that was expected (`ERR_HTTP_BODY_NOT_JSON`, 400), and for a target that
 * has no path (`ERR_HTTP_INVALID_TARGET`, 400 or 404).
 */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, message?: string, options?: ErrorOptions & { code?: string }) {
    super(message ?? STATUS_CODES[status] ?? 'Error', options);
    this.name = 'HttpError';
    this.status = status;
    this.code = options?.code ?? 'ERR_HTTP';
  }
}

function coded(ErrorClass: typeof Error, code: string, message: string): Error {
  return Object.assign(new ErrorClass(message), { code });
}

/** What a request gives for things that were not looked at while it lasted. */
export function requestOver(what: string): Error {
  return coded(
    Error,
    'ERR_HTTP_REQUEST_OVER',
    `${what} was asked for after the response was sent; what a request holds must be read before`,
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

/** Turns what reading a body returned into an exception when it is an error. */
export function checkBody(code: number): number {
  if (code >= 0) return code;
  switch (code) {
    case BODY_TOO_LARGE:
      throw new HttpError(413, 'the body is too large', { code: 'ERR_HTTP_BODY_TOO_LARGE' });
    case BODY_MALFORMED:
      throw new HttpError(400, 'the body is malformed', { code: 'ERR_HTTP_BODY_MALFORMED' });
    case BODY_TIMEOUT:
      throw new HttpError(408, 'the body did not arrive in time', { code: 'ERR_HTTP_BODY_TIMEOUT' });
    case -104: // ECONNRESET: also when the stream ended before the body did
      throw new HttpError(400, 'the client broke the body off', { code: 'ERR_HTTP_BODY_ABORTED' });
    case CONNECTION_BUSY:
      throw coded(Error, 'ERR_HTTP_BODY_IN_USE', 'another coroutine is reading this body');
    case REQUEST_OVER:
      throw requestOver('the body');
  }
  return check(code, 'request.readBody', 'recv');
}
