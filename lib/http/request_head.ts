import { parseCookie, type Cookies } from 'cookie';

import type { TlsInfo } from '../tls/info.js';
import { HttpError, requestOver } from './errors.js';
import type { Exchange } from './exchange.js';
import { http2Trailers } from './http2/native.js';
import { HEAD_ASKS_FOR_TUNNEL, HEAD_HTTP2, HEAD_METHOD, HEAD_MINOR_VERSION, METHODS, httpMethod, httpPath, httpTarget } from './native.js';
import { RequestHeaders } from './request_headers.js';
import { clientBehind } from './trust_proxy.js';

/** The parts that were read, which outlive the request. */
interface Known {
  method?: string;
  target?: string;
  query?: URLSearchParams;
  headers?: RequestHeaders;
  trailers?: RequestHeaders;
  body?: Buffer;
  bodyTaken?: boolean;
  controller?: AbortController;
  web?: globalThis.Request;
  cookies?: Cookies;
  params?: Params;
  route?: string;
  base?: string;
  client?: string;
}

/** The parameters of a route. */
type Params = Readonly<Record<string, string>>;
const NO_PARAMS: Params = Object.freeze(Object.create(null) as Params);

/** What the head of a request says; see Request. */
export abstract class RequestHead {
  // Only declared: every request makes an object, and field definitions would store to each field twice.
  /** @internal */
  declare protected connection: Exchange;
  /** The number of native's record of the connection or the stream; -1 once the request is over. @internal */
  declare number: number;
  /** Native's description of the head; see HEAD_METHOD in ./native.ts. @internal */
  declare head: number;
  /** @internal */
  declare protected known: Known | undefined;
  // Not in `known`, because most handlers read nothing else.
  declare private knownPath: string | undefined;

  /** @internal */
  constructor(connection: Exchange, number: number, head: number) {
    this.renew(connection, number, head);
  }

  /** Becomes another request; the handler must not have kept this one. @internal */
  renew(connection: Exchange, number: number, head: number): this {
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

  /**
   * `GET`, `POST`, or any other token, in the case in which the client sent it. `GET` also for a WebSocket over HTTP/2, which its client
   * asks for with an extended `CONNECT` (RFC 8441): it stands here as over HTTP/1.1, with the header `upgrade: websocket`.
   */
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

  /** The parameters in the path, where a `router` has found a route; else none. */
  get params(): Params {
    return this.known?.params ?? NO_PARAMS;
  }

  /** The cookies that the client has sent, by name, decoded. */
  get cookies(): Cookies {
    return (this.details.cookies ??= parseCookie(this.headers.get('cookie') ?? ''));
  }

  /** The path of the route that a `router` has found, such as `/users/:id`; undefined without one. */
  get route(): string | undefined {
    return this.known?.route;
  }

  /** The part of the path that a router's `mount` has taken away, decoded and without a slash at its end; `''` without one. */
  get base(): string {
    return this.known?.base ?? '';
  }

  /** @internal */
  routed(params: Params, route: string): this {
    const details = this.details;
    details.params = details.params ? { ...details.params, ...params } : params;
    details.route = this.base + route;
    return this;
  }

  /** Takes the first `segments` of the path away, for a mounted handler. @internal */
  mounted(params: Params, route: string, segments: number): this {
    this.routed(params, route);
    const path = this.knownPath ?? this.target.split('?', 1)[0]!.slice(this.base.length);
    let end = 0;
    for (let i = 0; i < segments && end >= 0; i++) end = path.indexOf('/', end + 1);
    const taken = end < 0 ? path : path.slice(0, end);
    this.details.base = this.base + taken;
    if (this.knownPath !== undefined) this.knownPath = path.slice(taken.length) || '/';
    return this;
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

  /**
   * The headers behind the body, once that has been read to its end. Over HTTP/1.1 there are none: those behind chunks are discarded.
   */
  get trailers(): RequestHeaders {
    const details = this.details;
    if (details.trailers) return details.trailers;
    const number = this.live('the trailers');
    const all = this.head & HEAD_HTTP2 ? http2Trailers(number)! : [];
    const trailers = new RequestHeaders((what) => this.live(what), all);
    // With the body still to come, there may be some later.
    if (all.length > 0) details.trailers = trailers;
    return trailers;
  }

  /** Whether the client can be sent headers behind the body. @internal */
  mayHaveTrailers(): boolean {
    return (this.head & HEAD_HTTP2) !== 0 || /\btrailers\b/i.test(this.headers.get('te') ?? '');
  }

  /** Whether it is one of HTTP/2's extended CONNECT, which stands here as the GET of HTTP/1.1 that asks for the same. @internal */
  get asksForTunnel(): boolean {
    return (this.head & HEAD_ASKS_FOR_TUNNEL) !== 0;
  }

  /** `2.0`, `1.1` or `1.0`; a later 1.x counts as 1.1. */
  get httpVersion(): '1.0' | '1.1' | '2.0' {
    if (this.head & HEAD_HTTP2) return '2.0';
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
   * The client's IP address: what proxies that `trustProxy` of {@link serve} names have said, or the peer's; `''` on a Unix socket.
   */
  get clientAddress(): string {
    const { trust } = this.connection.owner;
    const { remoteAddress } = this;
    if (!trust) return remoteAddress;
    return (this.details.client ??= clientBehind(remoteAddress, this.headers.get(trust.header), trust));
  }

  /** @internal */
  protected get details(): Known {
    return (this.known ??= {});
  }

  /** The connection's number; throws once the request is over. @internal */
  protected live(what: string): number {
    if (this.number < 0) throw requestOver(what);
    return this.number;
  }
}
