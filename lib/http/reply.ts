import { wait } from '../async/wait.js';
import { invalidType } from '../internal/arguments.js';
import { headOfFetched, isFetched } from './fetched.js';
import { fieldsOf, type HeaderValue, type ResponseHeaders } from './fields.js';
import { refuseUnknown, unknownProperty } from './known.js';
import { FileResponse, PreparedResponse, type ResponseBody, type ResponseLike, type ResponseParts } from './response.js';
import { discard } from './source.js';

export const PARTS = ['status', 'headers', 'body', 'trailers'] as const satisfies (keyof ResponseParts)[];
export const JSON_LINE = 'Content-Type: application/json\r\n';

/** Built-in objects that say nothing as JSON: `{}` for an error would hide a mistake. */
const NOT_JSON = [Error, Map, Set, WeakMap, WeakSet, RegExp, ArrayBuffer, DataView, Promise] as const;

const isWebStream = (value: object): boolean => typeof (value as Partial<ReadableStream>).getReader === 'function';
const isIterable = (value: object): boolean => Symbol.iterator in value || Symbol.asyncIterator in value || isWebStream(value);

/** The JSON text of `value`. Throws for what has none. @internal */
export function jsonOf(name: string, value: unknown): string {
  const refused = typeof value === 'object' && value !== null && !hasToJson(value) && NOT_JSON.some((kind) => value instanceof kind);
  const text = refused ? undefined : (JSON.stringify(value) as string | undefined);
  if (text === undefined) throw invalidType(name, 'a value that JSON can hold', value);
  return text;
}

const hasToJson = (value: object): boolean => typeof (value as { toJSON?: unknown }).toJSON === 'function';

/** Throws for a value that is no response. @internal */
export function refuseResponse(response: unknown): never {
  const expected = 'a string, a Uint8Array, an object with status, headers and body, an object for JSON, or nothing';
  throw invalidType('response', expected, response);
}

/**
 * The kind of an object that a handler returns: its parts; something whose parts are the body; or a value to send as JSON.
 * An object with properties of both a response and other ones is refused, and its body ended, because it is a mistake in one of the two.
 *
 * @internal
 */
export function kindOf(response: object): 'parts' | 'body' | 'json' {
  if (Array.isArray(response) || hasToJson(response)) return 'json';
  if (isIterable(response)) return 'body';
  let named = false;
  let other: string | undefined;
  for (const name in response) {
    if (name === 'status' || name === 'headers' || name === 'body' || name === 'trailers') named = true;
    else if ((response as Record<string, unknown>)[name] !== undefined) other ??= name;
  }
  if (!named) return 'json';
  if (other !== undefined) {
    discard((response as ResponseParts).body);
    const error = unknownProperty('response', other, PARTS);
    error.message += '. To send the object itself, return json(object)';
    throw error;
  }
  return 'parts';
}

/**
 * A response with `value` as JSON, for values that a handler cannot just return: numbers, `null`, objects with a property `status`,
 * `headers` or `body`; and for a status or headers of its own. Never parks.
 *
 * @param init.headers a Content-Type among them takes the place of `application/json`
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`) for a value that JSON cannot hold; what `JSON.stringify` throws; for headers as a response
 *
 * @example
 * ```ts
 * import { json, serve } from 'stackful/http';
 *
 * const server = serve((request) => {
 *   if (request.path === '/jobs/1') return json({ id: 1, status: 'done' });
 *   return json({ error: 'no such job' }, { status: 404, headers: { 'Cache-Control': 'no-store' } });
 * }, { host: '127.0.0.1' });
 * const response = await fetch(`http://127.0.0.1:${server.port}/jobs/1`);
 * console.log(await response.text()); // {"id":1,"status":"done"}
 * await server.close();
 * ```
 */
export function json(value: unknown, init: { status?: number; headers?: ResponseHeaders } = {}): ResponseParts {
  refuseUnknown('init', init, ['status', 'headers']);
  const headers = replaced([['Content-Type', 'application/json']], pairsOf(init.headers));
  return { status: init.status ?? 200, headers, body: jsonOf('value', value) };
}

const TEXT: Pair = ['Content-Type', 'text/plain; charset=utf-8'];
const BINARY: Pair = ['Content-Type', 'application/octet-stream'];
const JSON_TYPE: Pair = ['Content-Type', 'application/json'];
/** Headers of which a response may have several that say different things. */
const ADDED: ReadonlySet<string> = new Set(['set-cookie', 'vary', 'link']);

type Pair = readonly [name: string, value: HeaderValue];

/** Headers in any form, one by one. */
function pairsOf(headers: ResponseHeaders | undefined): Pair[] {
  if (headers === undefined) return [];
  if (typeof headers !== 'object' || (headers as unknown) === null) throw invalidType('headers', 'an object', headers);
  return Symbol.iterator in headers ? [...headers] : Object.entries(headers);
}

function pairsOfLines(lines: string): Pair[] {
  return lines.split('\r\n').slice(0, -1).map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 2)] as const;
  });
}

/** `pairs` without those whose names `others` have, and then `others`. Cookies are added to cookies, and `Vary` to `Vary`. */
function replaced(pairs: readonly Pair[], others: readonly Pair[]): Pair[] {
  const names = new Set(others.map(([name]) => name.toLowerCase()));
  return [...pairs.filter(([name]) => ADDED.has(name.toLowerCase()) || !names.has(name.toLowerCase())), ...others];
}

/** A response in one form for what comes after a handler. The body of a file is its {@link FileResponse}. @internal */
export interface Reply {
  readonly status: number;
  readonly headers: readonly Pair[];
  readonly body: ResponseBody | FileResponse | null | undefined;
  readonly trailers?: ResponseParts['trailers'];
}

/** What a handler has returned, in one form, with its Content-Type. Parks for a promise. @internal */
export function replyOf(response: ResponseLike | PromiseLike<ResponseLike>): Reply {
  if (response === undefined || response === null) return { status: 204, headers: [], body: undefined };
  if (typeof response === 'string') return { status: 200, headers: [TEXT], body: response };
  if (typeof response !== 'object') return refuseResponse(response);
  if (response instanceof Uint8Array) return { status: 200, headers: [BINARY], body: response };
  if (response instanceof PreparedResponse) return { status: response.status, headers: pairsOfLines(response.lines), body: response.body };
  if (response instanceof FileResponse) return { status: response.status, headers: pairsOfLines(response.lines), body: response };
  if (typeof (response as PromiseLike<ResponseLike>).then === 'function') return replyOf(wait(response as PromiseLike<ResponseLike>));
  if (isFetched(response as Response)) return { ...headOfFetched(response as Response), body: (response as Response).body };
  switch (kindOf(response)) {
    case 'json': return { status: 200, headers: [JSON_TYPE], body: jsonOf('response', response) };
    case 'body': return { status: 200, headers: [], body: response as ResponseBody };
    case 'parts': return replyOfParts(response as ResponseParts);
  }
}

function replyOfParts({ status = 200, headers, body, trailers }: ResponseParts): Reply {
  const pairs = pairsOf(headers);
  const typed = (type: Pair): Pair[] => replaced([type], pairs);
  const rest = trailers && { trailers };
  if (typeof body === 'string') return { status, headers: typed(TEXT), body, ...rest };
  if (body instanceof Uint8Array) return { status, headers: typed(BINARY), body, ...rest };
  if (typeof body === 'object' && body !== null && !isIterable(body)) {
    return { status, headers: typed(JSON_TYPE), body: jsonOf('response.body', body), ...rest };
  }
  return { status, headers: pairs, body: body as ResponseBody, ...rest };
}

/** The reply as something that the server can send. @internal */
export function responseOf({ status, headers, body, trailers }: Reply): ResponseLike {
  if (body instanceof FileResponse) return new FileResponse(status, fieldsOf(headers).lines, body.file, body.offset, body.length);
  return { status, headers, body, ...(trailers && { trailers }) };
}

/**
 * A response with more headers. Those that it has already are replaced, except `Set-Cookie`, `Vary` and `Link`, which are added. With
 * it a function around a handler can do its part. Parks while `response` is a promise; never otherwise.
 *
 * @param response what a handler has returned, of any kind
 * @throws as for headers of a response: `ERR_INVALID_HTTP_TOKEN`, `ERR_INVALID_CHAR`, `ERR_INVALID_ARG_TYPE`, `ERR_HTTP_FORBIDDEN_HEADER`
 *
 * @example
 * ```ts
 * import { serve, withHeaders, type Handler } from 'stackful/http';
 *
 * const neverCached = (next: Handler): Handler => (request) => withHeaders(next(request), { 'Cache-Control': 'no-store' });
 *
 * const server = serve(neverCached(() => ({ now: Date.now() })), { host: '127.0.0.1' });
 * const response = await fetch(`http://127.0.0.1:${server.port}/`);
 * console.log(response.headers.get('cache-control')); // no-store
 * await response.text();
 * await server.close();
 * ```
 */
export function withHeaders(response: ResponseLike | PromiseLike<ResponseLike>, headers: ResponseHeaders): ResponseLike {
  const reply = replyOf(response);
  try {
    const pairs = pairsOf(headers);
    fieldsOf(pairs, reply.status);
    return responseOf({ ...reply, headers: replaced(reply.headers, pairs) });
  } catch (error) {
    giveUp(reply);
    throw error;
  }
}

/** Ends the source of a body that is not sent. @internal */
export function giveUp({ body }: Reply): void {
  if (body instanceof FileResponse) body.file.close();
  else discard(body);
}

/** The value of a header, in lower case; those of several are joined. @internal */
export function headerOf({ headers }: Pick<Reply, 'headers'>, name: string): string | undefined {
  const found = headers.filter(([other, value]) => value !== undefined && other.toLowerCase() === name);
  const values = found.flatMap(([, value]) => value as string);
  return values.length === 0 ? undefined : values.join(', ');
}
