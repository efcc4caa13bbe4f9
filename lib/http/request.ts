import { invalidType } from '../internal/arguments.js';
import type { TlsInfo } from '../tls/info.js';
import { readChunks, readWhole } from './body.js';
import type { Connection } from './connection.js';
import { ClientLeftError, HttpError, requestOver } from './errors.js';
import { bodyLimit } from './limits.js';
import {
  HEAD_BODY,
  HEAD_METHOD,
  HEAD_MINOR_VERSION,
  METHODS,
  httpBodyLength,
  httpClientLeft,
  httpFileHints,
  httpHeader,
  httpHeaders,
  httpLimitBody,
  httpMethod,
  httpPath,
  httpTakeBody,
  httpTarget,
} from './native.js';

/** The parts that were read, which outlive the request. */
interface Known {
  method?: string;
  target?: string;
  query?: URLSearchParams;
  headers?: RequestHeaders;
  body?: Buffer;
  bodyTaken?: boolean;
  controller?: AbortController;
}

/**
 * One request. Its properties are read from the connection's memory at first use, which is possible until the response has
 * been sent. Afterwards properties that were read before stay; the others throw `ERR_HTTP_REQUEST_OVER`.
 *
 * @example
 * ```ts
 * import { serve } from 'stackful/http';
 *
 * const server = serve((request) => {
 *   const body = request.json() as { name: string }; // parks until the body is there
 *   return `${request.method} ${request.path}: ${body.name}`;
 * }, { host: '127.0.0.1' });
 * const url = `http://127.0.0.1:${server.port}/users`;
 * const response = await fetch(url, { method: 'POST', body: JSON.stringify({ name: 'Ada' }) });
 * console.log(await response.text()); // POST /users: Ada
 * await server.close();
 * ```
 */
export class Request {
  // Only declared: every request makes an object, and field definitions would store to each field twice.
  declare private connection: Connection;
  /** The number of native's record of the connection; -1 once the request is over. @internal */
  declare number: number;
  /** Native's description of the head; see HEAD_METHOD in ./native.ts. @internal */
  declare head: number;
  declare private known: Known | undefined;
  // Not in `known`, because most handlers read nothing else.
  declare private knownPath: string | undefined;

  /** @internal */
  constructor(connection: Connection, number: number, head: number) {
    this.renew(connection, number, head);
  }

  /** Becomes another request; the handler must not have kept this one. @internal */
  renew(connection: Connection, number: number, head: number): this {
    this.connection = connection;
    this.number = number;
    this.head = head;
    this.known = undefined;
    this.knownPath = undefined;
    return this;
  }

  /** Ends it: properties that were not read before throw from now on. @internal */
  end(): void {
    this.number = -1;
  }

  /** Whether more than method and path was read. @internal */
  get examined(): boolean {
    return this.known !== undefined;
  }

  /** `GET`, `POST`, or any other token, in the case in which the client sent it. */
  get method(): string {
    const known = METHODS[this.head & HEAD_METHOD];
    return known || (this.details.method ??= httpMethod(this.live('the method'))!);
  }

  /** The request target as the client sent it: usually path and query, still encoded. */
  get target(): string {
    return (this.details.target ??= httpTarget(this.live('the target'))!);
  }

  /**
   * The path: percent-decoded once, without empty, `.` or `..` segments, and with the trailing slash if there is one.
   *
   * @throws HttpError (`ERR_HTTP_INVALID_TARGET`) of status 400 for an invalid path: malformed escapes, control characters,
   *   backslashes, `..` beyond the root; 404 for an escaped slash
   */
  get path(): string {
    if (this.knownPath !== undefined) return this.knownPath;
    const path = httpPath(this.live('the path'));
    if (typeof path !== 'string') {
      throw new HttpError(path ?? 400, 'the target has no valid path', { code: 'ERR_HTTP_INVALID_TARGET' });
    }
    return (this.knownPath = path);
  }

  /** What the handshake has agreed upon, and the client's certificate if it was asked for; undefined without TLS. */
  get tls(): TlsInfo | undefined {
    return this.connection.tls;
  }

  /** The query of the target, decoded. */
  get query(): URLSearchParams {
    const details = this.details;
    if (!details.query) {
      const target = this.target;
      const question = target.indexOf('?');
      details.query = new URLSearchParams(question < 0 ? '' : target.slice(question + 1));
    }
    return details.query;
  }

  /** Its headers. */
  get headers(): RequestHeaders {
    return (this.details.headers ??= new RequestHeaders((what) => this.live(what)));
  }

  /** `1.1` or `1.0`; a later 1.x counts as 1.1. */
  get httpVersion(): '1.0' | '1.1' {
    return this.head & HEAD_MINOR_VERSION ? '1.1' : '1.0';
  }

  /** The peer's IP address; `''` on a Unix socket. */
  get remoteAddress(): string {
    return this.connection.remote()[0];
  }

  /** The peer's port; 0 on a Unix socket. */
  get remotePort(): number {
    return this.connection.remote()[1];
  }

  /**
   * A signal that is aborted with a {@link ClientLeftError} when the client leaves: its connection was reset, or it has sent
   * the end of its stream (a client that has only half-closed still gets its response, see `limits.halfClose`). It is also
   * aborted when the server's `close` cancels the handler, and never after the response has been sent.
   */
  get signal(): AbortSignal {
    const known = this.known?.controller;
    if (known) return known.signal;
    const number = this.live('the signal');
    const controller = (this.details.controller = new AbortController());
    if (httpClientLeft(number)) controller.abort(new ClientLeftError());
    else this.connection.watch(this);
    return controller.signal;
  }

  /** Aborts its signal, unless the request is over. @internal */
  abort(reason: unknown): void {
    if (this.number >= 0) this.known?.controller?.abort(reason);
  }

  /** Whether the request has a body; an empty one in chunks counts. */
  get hasBody(): boolean {
    return (this.head & HEAD_BODY) !== 0;
  }

  /**
   * The whole body. Parks. The request keeps it: further calls, `text` and `json` use the same bytes.
   *
   * @param max the most bytes to accept, instead of the server's `limits.bodyBytes`
   * @throws HttpError `ERR_HTTP_BODY_TOO_LARGE`, `ERR_HTTP_BODY_MALFORMED`, `ERR_HTTP_BODY_TIMEOUT`,
   *   `ERR_HTTP_BODY_ABORTED`; Error `ERR_HTTP_BODY_IN_USE` when another coroutine reads it or it was read in chunks
   */
  readBody(max?: number): Buffer {
    const details = this.details;
    if (details.body) return details.body;
    const number = this.takeBody(max);
    return (details.body = httpTakeBody(number) ?? readWhole(this.connection, httpBodyLength(number)));
  }

  /** The whole body as UTF-8. Parks; throws as `readBody` does. */
  text(max?: number): string {
    return this.readBody(max).toString('utf8');
  }

  /** The whole body parsed as JSON. Parks; throws as `readBody` does, and `ERR_HTTP_BODY_NOT_JSON`. */
  json(max?: number): unknown {
    const text = this.text(max);
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw new HttpError(400, 'the body is not JSON', { code: 'ERR_HTTP_BODY_NOT_JSON', cause });
    }
  }

  /** The body in pieces, as it arrives. Each step parks; throws as `readBody` does. */
  chunks(max?: number): Generator<Buffer, void, undefined> {
    this.takeBody(max);
    return readChunks(this.connection, () => this.live('the body'));
  }

  /** `for (const chunk of request)`: the same as `chunks()`. */
  [Symbol.iterator](): Generator<Buffer, void, undefined> {
    return this.chunks();
  }

  /** See native/binding/http_request.cc. @internal */
  fileHints(): number {
    return httpFileHints(this.live('the request')) ?? 1;
  }

  private get details(): Known {
    return (this.known ??= {});
  }

  /** The connection's number; throws once the request is over. */
  private live(what: string): number {
    if (this.number < 0) throw requestOver(what);
    return this.number;
  }

  private takeBody(max: number | undefined): number {
    const connection = this.live('the body');
    const details = this.details;
    if (details.bodyTaken) {
      throw Object.assign(new Error('this body is being read, or was read before'), { code: 'ERR_HTTP_BODY_IN_USE' });
    }
    if (max !== undefined) httpLimitBody(connection, bodyLimit('max', max));
    details.bodyTaken = true;
    return connection;
  }
}

const forgetful = new WeakSet<object>();

/** Marks a handler of the library's own that keeps nothing of a request after it has returned. @internal */
export function markForgetful<H extends object>(handler: H): H {
  forgetful.add(handler);
  return handler;
}

/** @internal */
export function isForgetful(handler: object): boolean {
  return forgetful.has(handler);
}

/**
 * The headers of a request. Names are compared without regard to case; values are Latin-1, as in node:http.
 *
 * @example
 * ```ts
 * import { serve } from 'stackful/http';
 *
 * const server = serve((request) => request.headers.get('X-Id') ?? 'none', { host: '127.0.0.1' });
 * const url = `http://127.0.0.1:${server.port}/`;
 * const response = await fetch(url, { headers: { 'x-id': '17' } });
 * console.log(await response.text()); // 17
 * await server.close();
 * ```
 */
export class RequestHeaders implements Iterable<[name: string, value: string]> {
  private all: readonly string[] | undefined;

  /** @internal */
  constructor(private readonly live: (what: string) => number) {
    this.all = undefined;
  }

  /** The value; those of several headers of that name are joined with commas (`Cookie`: with semicolons). */
  get(name: string): string | undefined {
    if (typeof name !== 'string') throw invalidType('name', 'a string', name);
    return this.all ? find(this.all, name) : httpHeader(this.live(`the header ${name}`), name);
  }

  /** Whether the request has a header of that name. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Every header as the client sent it: in order, repeated ones apart. Copies them, so that they outlive the request. */
  *[Symbol.iterator](): Generator<[name: string, value: string], void, undefined> {
    const all = (this.all ??= httpHeaders(this.live('the headers'))!);
    for (let i = 0; i < all.length; i += 2) yield [all[i]!, all[i + 1]!];
  }

  /** An object with a property for each name, in lower case; repeated headers are joined as by `get`. */
  toObject(): Record<string, string> {
    const object: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const [name] of this) {
      const key = name.toLowerCase();
      object[key] ??= this.get(key)!;
    }
    return object;
  }
}

function find(all: readonly string[], name: string): string | undefined {
  const key = name.toLowerCase();
  let found: string | undefined;
  for (let i = 0; i < all.length; i += 2) {
    if (all[i]!.toLowerCase() !== key) continue;
    found = found === undefined ? all[i + 1]! : `${found}${key === 'cookie' ? '; ' : ', '}${all[i + 1]!}`;
  }
  return found;
}
