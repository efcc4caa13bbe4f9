import { invalidType } from '../internal/arguments.js';
import { readChunks, readWhole } from './body.js';
import type { Connection } from './connection.js';
import { HttpError, requestOver } from './errors.js';
import { bodyLimit } from './limits.js';
import {
  HEAD_BODY,
  HEAD_METHOD,
  HEAD_MINOR_VERSION,
  METHODS,
  httpBodyLength,
  httpFileHints,
  httpHeader,
  httpHeaders,
  httpLimitBody,
  httpMethod,
  httpPath,
  httpTakeBody,
  httpTarget,
} from './native.js';

/** What has been looked at once, and stays. */
interface Known {
  method?: string;
  target?: string;
  query?: URLSearchParams;
  headers?: RequestHeaders;
  body?: Buffer;
  bodyTaken?: boolean;
}

/**
 * One request. It is read straight from the connection's memory, as far as the handler asks for it, and is complete
 * only until the response has been sent. Afterwards it still gives what was looked at before; anything else throws
 * `ERR_HTTP_REQUEST_OVER`.
 */
export class Request {
  // Only declared: one is made for every request, and a field definition would store to it twice.
  declare private connection: Connection;
  /** Of native's record of the connection; -1 once the request is over. @internal */
  declare number: number;
  /** What native says about the head. @internal */
  declare head: number;
  declare private known: Known | undefined;
  // Not among `known`: for most requests it is all that is looked at.
  declare private knownPath: string | undefined;

  /** @internal */
  constructor(connection: Connection, number: number, head: number) {
    this.renew(connection, number, head);
  }

  /** Becomes another request, now that nobody has this one any more. @internal */
  renew(connection: Connection, number: number, head: number): this {
    this.connection = connection;
    this.number = number;
    this.head = head;
    this.known = undefined;
    this.knownPath = undefined;
    return this;
  }

  /** From here on it gives nothing new. @internal */
  end(): void {
    this.number = -1;
  }

  /** Has more been looked at than method and path? @internal */
  get examined(): boolean {
    return this.known !== undefined;
  }

  /** `GET`, `POST`, or whatever other token the client sent, in its own case. */
  get method(): string {
    const known = METHODS[this.head & HEAD_METHOD];
    return known || (this.details.method ??= httpMethod(this.live('the method'))!);
  }

  /** The request target as it was sent: usually path and query, still encoded. */
  get target(): string {
    return (this.details.target ??= httpTarget(this.live('the target'))!);
  }

  /**
   * The path: percent-decoded once, without empty, `.` or `..` segments, and with the trailing slash if there is one.
   *
   * @throws HttpError (`ERR_HTTP_INVALID_TARGET`) of status 400 when there is no such path: escapes that are none,
   *   control characters, backslashes, `..` beyond the root; 404 for an escaped slash
   */
  get path(): string {
    if (this.knownPath !== undefined) return this.knownPath;
    const path = httpPath(this.live('the path'));
    if (typeof path !== 'string') {
      throw new HttpError(path ?? 400, 'the target has no valid path', { code: 'ERR_HTTP_INVALID_TARGET' });
    }
    return (this.knownPath = path);
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

  get remotePort(): number {
    return this.connection.remote()[1];
  }

  /** Does the request come with a body, be it an empty one in chunks? */
  get hasBody(): boolean {
    return (this.head & HEAD_BODY) !== 0;
  }

  /**
   * The whole body. Parks. It is kept: further calls, `text` and `json` give the same.
   *
   * @param max the most bytes to accept, instead of the server's `limits.bodyBytes`
   * @throws HttpError `ERR_HTTP_BODY_TOO_LARGE`, `ERR_HTTP_BODY_MALFORMED`, `ERR_HTTP_BODY_TIMEOUT`,
   *   `ERR_HTTP_BODY_ABORTED`; Error `ERR_HTTP_BODY_IN_USE` when it is being read elsewhere or was read in chunks
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

  /** The body in pieces, as it arrives. Parks in between; throws as `readBody` does. */
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

  /** The connection's number, as long as this request is the one it is working on. */
  private live(what: string): number {
    if (this.number < 0) throw requestOver(what);
    return this.number;
  }

  private takeBody(max: number | undefined): number {
    const connection = this.live('the body');
    const details = this.details;
    if (details.bodyTaken) {
      throw Object.assign(new Error('this body is being read already, or was'), { code: 'ERR_HTTP_BODY_IN_USE' });
    }
    if (max !== undefined) httpLimitBody(connection, bodyLimit('max', max));
    details.bodyTaken = true;
    return connection;
  }
}

const forgetful = new WeakSet<object>();

/** Says of a handler of the library's own that it keeps nothing of a request when it has returned. @internal */
export function markForgetful<H extends object>(handler: H): H {
  forgetful.add(handler);
  return handler;
}

/** @internal */
export function isForgetful(handler: object): boolean {
  return forgetful.has(handler);
}

/** The headers of a request. Names are compared without regard to case; values are Latin-1, as in node:http. */
export class RequestHeaders implements Iterable<[name: string, value: string]> {
  private all: readonly string[] | undefined;

  /** @internal */
  constructor(private readonly live: (what: string) => number) {
    this.all = undefined;
  }

  /** The value; those of several headers of that name joined with commas (`Cookie`: with semicolons). */
  get(name: string): string | undefined {
    if (typeof name !== 'string') throw invalidType('name', 'a string', name);
    return this.all ? find(this.all, name) : httpHeader(this.live(`the header ${name}`), name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Every header as it was sent: in order, repeated ones apart. Copies them, so that they outlive the request. */
  *[Symbol.iterator](): Generator<[name: string, value: string], void, undefined> {
    const all = (this.all ??= httpHeaders(this.live('the headers'))!);
    for (let i = 0; i < all.length; i += 2) yield [all[i]!, all[i + 1]!];
  }

  /** One property a name, in lower case; repeated headers joined as by `get`. */
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
