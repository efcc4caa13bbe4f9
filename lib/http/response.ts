import type { ResponseHeaders } from './fields.js';

/** A part of a body. Strings are sent as UTF-8. */
export type BodyPart = string | Uint8Array;

/**
 * A body: whole, or in parts. Parts are sent as they come, in chunks unless the headers have a Content-Length; their iterator
 * may park. The head is sent with the first part: an error that the iterator throws before becomes the response, as if the
 * handler had thrown it. When the client leaves, the iterator is ended early, as by a `break`. Where no body is sent (HEAD,
 * 204, 304), it is ended after the first part.
 */
export type ResponseBody = BodyPart | Iterable<BodyPart> | AsyncIterable<BodyPart>;

/** A response in parts. */
export interface ResponseParts {
  /** Default 200. */
  status?: number;
  /** Without a Content-Type, strings are sent as `text/plain; charset=utf-8` and bytes as `application/octet-stream`. */
  headers?: ResponseHeaders;
  /** Default: none. An object that is none of these is sent as JSON. */
  body?: ResponseBody | object | null;
  /**
   * Headers behind the body, or a function that makes them when the body has been sent. They go out where the protocol has them:
   * over HTTP/2, and over HTTP/1.1 when the body is sent in chunks and the client says `TE: trailers`. Default: none.
   */
  trailers?: ResponseHeaders | (() => ResponseHeaders);
}

/**
 * A response: only its body, with status 200; nothing, with status 204; an object of parts; or a `Response` as in fetch. Any other
 * array or object is sent as JSON, if it has no property `status`, `headers` or `body`, and is no error, `Map` or the like.
 */
export type ResponseLike = ResponseBody | ResponseParts | Response | object | null | undefined | void;

/**
 * A response that needs no checks: its lines come from `fieldsOf`.
 *
 * @internal
 */
export class PreparedResponse {
  constructor(
    readonly status: number,
    readonly lines: string,
    readonly body: BodyPart | undefined,
  ) {}
}

/**
 * A part of an open file, sent by the kernel without passing through JavaScript; the file is closed afterwards.
 *
 * @internal
 */
export class FileResponse {
  constructor(
    readonly status: number,
    readonly lines: string,
    readonly file: { readonly fd: number; close(): void },
    readonly offset: number,
    readonly length: number,
  ) {}
}
