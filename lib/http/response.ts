import type { ResponseHeaders } from './fields.js';

/** What a body is made of. Strings are sent as UTF-8. */
export type BodyPart = string | Uint8Array;

/**
 * A body: whole, or in parts. Parts are sent as they come, in chunks unless the headers have a Content-Length, and their
 * iterator may park; when the client leaves, it is ended early, as by a `break`.
 */
export type ResponseBody = BodyPart | Iterable<BodyPart> | AsyncIterable<BodyPart>;

export interface ResponseParts {
  /** Default 200. */
  status?: number;
  /** Content-Type is `text/plain; charset=utf-8` for strings unless it is here. */
  headers?: ResponseHeaders;
  body?: ResponseBody | null;
}

/** A response: just its body, with status 200; nothing, which is 204; or in parts. */
export type ResponseLike = BodyPart | ResponseParts | null | undefined | void;

/**
 * A response that needs no checks: its lines have been through `fieldsOf` before.
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
