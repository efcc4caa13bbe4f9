import { withSignal } from '../../coroutine/signal.js';
import { sleep } from '../../coroutine/sleep.js';
import { integerIn, invalidType, numberIn } from '../../internal/arguments.js';
import { knownOptions } from '../../internal/options.js';
import { forbiddenHeader } from '../errors.js';
import { dial, mayShare, type Route } from './dial.js';
import { ACCEPT_ENCODING } from './decompress.js';
import { HttpClientError, isDisconnection } from './errors.js';
import { exchange, isRepeatable, type Answer, type Order } from './exchange.js';
import { http2Terms, type Http2Terms } from './http2/options.js';
import { DEFAULT_LIMITS, limitsOf, milliseconds, type ClientLimits } from './limits.js';
import { addHeaders, headerIn, linesOf, type HeaderMap } from './lines.js';
import {
  CLIENT_OPTIONS, cookiesFor, expectMs, keepCookies, mannersOf, methodOf, REQUEST_OPTIONS, upgradeOf, USUAL_MANNERS,
  type ClientOptions, type Manners, type RequestOptions,
} from './options.js';
import { outgoing, outgoingJson, withTrailers, type Outgoing } from './outgoing.js';
import { Pool, type PoolStats, type Proven } from './pool.js';
import { proxyChoice, type ProxyChoice } from './proxies.js';
import { isRedirect, redirected, type Request } from './redirect.js';
import { ClientResponse } from './response.js';
import { originOfSocket, pathOf, targetOf, type Origin, type Target } from './target.js';
import { traced } from './tracing.js';
import { sentTrailers } from './trailers.js';

/** URLs that were taken apart, by their text. A program that generates URLs must not fill the memory. */
const MOST_TARGETS = 500;
/** Origins to which nothing is open are forgotten beyond. */
const MOST_ORIGINS = 500;
const LONGEST_RETRY_MS = 30_000;
const WITHOUT_LENGTH = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** What a request is told besides where it goes, once for all that it takes: redirects and repetitions. */
interface Terms extends Manners {
  readonly headersMs: number;
  readonly bodyMs: number;
  readonly limits: Required<ClientLimits>;
  readonly expectMs: number;
  readonly upgrade: string;
}

/** What is made of options that are the same for many requests. */
interface Prepared {
  readonly terms: Terms;
  readonly requests: WeakMap<Target, Request>;
}

interface Station {
  readonly pool: Pool;
  readonly route: Route;
}

/**
 * A client with its own connections: to one server, or to any number of them. {@link request} and {@link fetch} use one that all share.
 *
 * A connection is used again when an answer has been read to its end. Requests beyond `connections` wait in order of arrival. Idle
 * connections do not keep the process alive.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { serve } from 'stackful/http';
 * import { Client } from 'stackful/http/client';
 *
 * const server = serve((request) => `${request.method} ${request.target}`, { host: '127.0.0.1' });
 * using client = new Client({ origin: `http://127.0.0.1:${server.port}`, connections: 10 });
 * await spawn(() => {
 *   console.log(client.request('/users', { method: 'PUT', json: { name: 'Ada' } }).text()); // PUT /users
 *   console.log(client.stats.open); // 1
 * });
 * await server.close();
 * ```
 */
export class Client implements Disposable {
  private readonly origin: Origin | undefined;
  private readonly terms: Terms;
  private readonly headers: HeaderMap = new Map();
  private readonly proxyFor: ProxyChoice;
  private readonly stations = new Map<string, Station>();
  private readonly targets = new Map<string, Target>();
  /** Requests without options, by their target. */
  private readonly plain = new WeakMap<Target, Order>();
  private readonly prepared = new WeakMap<RequestOptions, Prepared>();
  /** Those of prepared requests. */
  private readonly orders = new WeakMap<Request, Order>();
  private readonly options: ClientOptions;
  private readonly http2: Http2Terms | undefined;
  private closed = false;

  /** @throws TypeError (`ERR_UNKNOWN_OPTION`, `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_INVALID_URL`), RangeError */
  constructor(options: ClientOptions = {}) {
    if (typeof options !== 'object' || options as unknown === null) throw invalidType('options', 'an object', options);
    knownOptions('Client', options, CLIENT_OPTIONS);
    const { origin, connections = 256, idleTimeout = 4000, connectTimeout = 10_000, tls = {}, headers, limits } = options;
    if (connections !== Infinity) integerIn('options.connections', connections, 1, Number.MAX_SAFE_INTEGER);
    numberIn('options.idleTimeout', idleTimeout, 1, 2 ** 31 - 1);
    numberIn('options.connectTimeout', connectTimeout, 1, Infinity);
    if (typeof tls !== 'object' || tls as unknown === null) throw invalidType('options.tls', 'an object', tls);
    this.options = { ...options, connections, idleTimeout, connectTimeout, tls };
    if (origin !== undefined) this.origin = targetOf(origin).origin;
    if (headers !== undefined) addHeaders(this.headers, headers);
    this.proxyFor = proxyChoice(options.proxy);
    this.terms = {
      ...mannersOf(options, USUAL_MANNERS),
      headersMs: milliseconds('options.headersTimeout', options.headersTimeout ?? 300_000),
      bodyMs: milliseconds('options.bodyTimeout', options.bodyTimeout ?? 300_000),
      limits: limitsOf(limits, DEFAULT_LIMITS),
      expectMs: 0,
      upgrade: '',
    };
    this.http2 = http2Terms(options.http2, this.terms.limits.headBytes);
  }

  /** The connections to all its servers together. */
  get stats(): PoolStats {
    const sum = { open: 0, idle: 0, waiting: 0 };
    for (const { pool } of this.stations.values()) {
      const { open, idle, waiting } = pool.stats;
      sum.open += open;
      sum.idle += idle;
      sum.waiting += waiting;
    }
    return sum;
  }

  /**
   * Sends a request and returns when the head of its answer has come; see {@link request}, which does the same. A path goes to the
   * client's `origin`. Parks.
   */
  request(url: string | URL, options?: RequestOptions): ClientResponse {
    const target = this.targetFor(url);
    if (options === undefined && this.headers.size === 0 && this.terms.redirects === 0 && !this.special) return this.simple(target);
    const { signal } = options ?? {};
    if (signal) return withSignal(signal, () => this.request(url, { ...options, signal: undefined }));
    return this.perform(target, options ?? {});
  }

  /** {@link request} with options that are always the same object: what is made of them is kept. Only without cookies. Parks. @internal */
  requestPrepared(url: string | URL, options: RequestOptions): ClientResponse {
    const target = this.targetFor(url);
    let prepared = this.prepared.get(options);
    if (!prepared) this.prepared.set(options, (prepared = { terms: this.termsFor(options), requests: new WeakMap() }));
    let request = prepared.requests.get(target);
    if (!request) {
      request = this.requestFor(target, options, prepared.terms);
      prepared.requests.set(target, request);
      this.orders.set(request, this.orderFor(this.stationFor(target.origin).route, request, prepared.terms));
    }
    return this.follow(request, prepared.terms);
  }

  /**
   * Closes idle connections now, and the others when their requests are over. Later requests throw `ERR_HTTP_CLIENT_ENDED`. Never parks.
   */
  close(): void {
    this.closed = true;
    for (const { pool } of this.stations.values()) pool.close();
  }

  /** For `using`: {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Whether a request without options of its own needs more than to be sent. */
  private get special(): boolean {
    const { cookies, decompress, retries, tracing } = this.terms;
    return cookies !== undefined || decompress || tracing || retries.limit > 0;
  }

  /** A GET without anything else. */
  private simple(target: Target): ClientResponse {
    const station = this.stationFor(target.origin);
    let order = this.plain.get(target);
    if (!order) {
      order = this.orderFor(station.route, { method: 'GET', target, headers: this.credentialsOf(target), body: undefined }, this.terms);
      this.plain.set(target, order);
    }
    return new ClientResponse(this.send(station.pool, target.origin, order), target.href, false);
  }

  private credentialsOf({ authorization }: Target): HeaderMap {
    return new Map(authorization === undefined ? [] : [['authorization', { name: 'Authorization', values: [authorization] }]]);
  }

  /** Takes the options apart, and follows redirects. Parks. */
  private perform(target: Target, options: RequestOptions): ClientResponse {
    knownOptions('request', options, REQUEST_OPTIONS);
    const own = this.termsFor(options);
    return this.follow(this.requestFor(target, options, own), own);
  }

  private termsFor(options: RequestOptions): Terms {
    const { terms } = this;
    return {
      ...mannersOf(options, terms),
      headersMs: options.headersTimeout === undefined ? terms.headersMs : milliseconds('options.headersTimeout', options.headersTimeout),
      bodyMs: options.bodyTimeout === undefined ? terms.bodyMs : milliseconds('options.bodyTimeout', options.bodyTimeout),
      limits: limitsOf(options.limits, terms.limits),
      expectMs: expectMs(options.expectContinue),
      upgrade: upgradeOf(options.upgrade),
    };
  }

  /** Parks. */
  private follow(first: Request, own: Terms): ClientResponse {
    let request = first;
    for (let count = 0; ; count++) {
      const answer = this.persist(request, own);
      const response = new ClientResponse(answer, request.target.href, count > 0);
      if (own.cookies) keepCookies(own.cookies, request.target.href, response.headers.getAll('set-cookie'));
      const location = own.redirects > 0 && isRedirect(answer.status) ? response.headers.get('location') : undefined;
      if (location === undefined) {
        const coding = own.decompress && request.method !== 'HEAD' ? response.headers.get('content-encoding') : undefined;
        if (coding !== undefined) response.body.decompress(coding);
        return response;
      }
      try {
        if (count >= own.redirects) {
          throw new HttpClientError('ERR_HTTP_CLIENT_REDIRECT', `more than ${String(own.redirects)} redirects, the last one from ${response.url}`);
        }
        request = redirected(request, answer.status, location);
        response.body.discard();
      } catch (error) {
        response[Symbol.dispose]();
        throw error;
      }
    }
  }

  private requestFor(target: Target, options: RequestOptions, terms: Terms): Request {
    const { query, headers: given, body: content, json, trailers } = options;
    let body = bodyOf(content, json);
    const method = options.method === undefined ? (body ? 'POST' : 'GET') : methodOf(options.method);
    const headers: HeaderMap = new Map(this.headers);
    for (const [name, header] of this.credentialsOf(target)) headers.set(name, header);
    if (given !== undefined) addHeaders(headers, given);
    if (body?.type !== undefined && !headers.has('content-type')) {
      headers.set('content-type', { name: 'Content-Type', values: [body.type] });
    }
    if (trailers !== undefined) {
      const { lines, names } = sentTrailers(trailers, body !== undefined);
      body = withTrailers(body!, lines);
      if (names !== undefined && !headers.has('trailer')) headers.set('trailer', { name: 'Trailer', values: [names] });
    } else if (headers.has('trailer')) {
      throw forbiddenHeader('Trailer');
    }
    if (terms.decompress && !headers.has('accept-encoding')) {
      headers.set('accept-encoding', { name: 'Accept-Encoding', values: [ACCEPT_ENCODING] });
    }
    return { method, target: query === undefined ? target : withQuery(target, query), headers, body };
  }

  /** One request, repeated after failures where that was asked for. Parks. */
  private persist(request: Request, terms: Terms): Answer {
    const { pool, route } = this.stationFor(request.target.origin, terms.upgrade !== '');
    const order = this.orders.get(request) ?? this.orderFor(route, request, terms);
    const { limit, statuses, delay } = terms.retries;
    const times = isRepeatable(order) ? limit : 0;
    const send = (one: Order): Answer => this.send(pool, request.target.origin, one);
    for (let count = 0; ; count++) {
      let after: string | undefined;
      try {
        const answer = terms.tracing ? traced(request, order, count, send) : send(order);
        if (count >= times || !statuses.includes(answer.status)) return answer;
        const response = new ClientResponse(answer, '', false);
        after = response.headers.get('retry-after');
        response.body.discard();
      } catch (error) {
        if (count >= times || !isConnectionFailure(error)) throw error;
      }
      const asked = after !== undefined && /^\d+$/.test(after) ? Number(after) * 1000 : delay * 2 ** count;
      sleep(Math.min(asked, LONGEST_RETRY_MS));
    }
  }

  /** Over HTTP/1.1 in the end, where an HTTP/2 server takes this request no other way. Parks. */
  private send(pool: Pool, origin: Origin, order: Order): Answer {
    try {
      return exchange(pool, order);
    } catch (error) {
      const again = error instanceof HttpClientError && error.code === 'ERR_HTTP_CLIENT_HTTP1_REQUIRED' && order.body?.replayable !== false;
      if (!again) throw error;
    }
    return exchange(this.stationFor(origin, true).pool, order);
  }

  private orderFor(route: Route, { method, target, headers, body }: Request, terms: Terms): Order {
    const { origin, path } = target;
    let lines = linesOf(headers);
    if (terms.cookies && !headers.has('cookie')) {
      const cookies = cookiesFor(terms.cookies, target.href);
      if (cookies !== '') lines += `Cookie: ${cookies}\r\n`;
    }
    if (body) lines += framing(headers, body);
    else if (!WITHOUT_LENGTH.has(method) && terms.upgrade === '') lines += 'Content-Length: 0\r\n';
    const sized = sizedBy(headers, body);
    if (terms.expectMs > 0 && body) lines += 'Expect: 100-continue\r\n';
    lines += terms.upgrade;
    const { proxy } = route;
    const direct = !proxy || origin.secure;
    if (!direct) lines += proxy.authorization;
    const host = headerIn(headers, 'host') ?? origin.authority;
    const head = `${method} ${direct ? path : `http://${origin.authority}${path}`} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
    const { headersMs, bodyMs, limits } = terms;
    return { method, head, body: sized, expectMs: body ? terms.expectMs : 0, upgrades: terms.upgrade !== '', headersMs, bodyMs, limits };
  }

  private targetFor(url: string | URL): Target {
    if (typeof url !== 'string') return targetOf(url);
    const known = this.targets.get(url);
    if (known) return known;
    const target = this.origin && url.startsWith('/') ? pathOf(this.origin, url) : targetOf(url);
    if (this.targets.size >= MOST_TARGETS) this.targets.clear();
    this.targets.set(url, target);
    return target;
  }

  /** @param http1 whether HTTP/2 is out of question, as for a request that asks for another protocol */
  private stationFor(origin: Origin, http1 = false): Station {
    const http2 = http1 ? undefined : this.http2;
    const key = http1 && this.http2 ? `${origin.key} http1` : origin.key;
    const known = this.stations.get(key);
    if (known) return known;
    if (this.closed) throw new HttpClientError('ERR_HTTP_CLIENT_ENDED', 'this client was closed');
    if (this.stations.size >= MOST_ORIGINS) {
      for (const [key, { pool }] of this.stations) if (pool.stats.open === 0) this.stations.delete(key);
    }
    const { connections, idleTimeout, connectTimeout, tls } = this.options as Required<ClientOptions>;
    const route: Route = {
      origin: origin.socketPath === undefined ? origin : originOfSocket(origin.socketPath),
      proxy: origin.socketPath === undefined ? this.proxyFor(origin.secure, origin.hostname, origin.port) : undefined,
      tls,
      connectMs: connectTimeout,
      http2,
      session: undefined,
    };
    const proven = (connection: Proven) => { route.session = connection.session ?? route.session; };
    const station = { pool: new Pool(() => dial(route), connections, idleTimeout, proven, mayShare(route)), route };
    this.stations.set(key, station);
    return station;
  }
}

function bodyOf(content: RequestOptions['body'], json: unknown): Outgoing | undefined {
  if (json === undefined) return content === undefined || content === null ? undefined : outgoing(content);
  if (content !== undefined && content !== null) throw invalidType('options.body', 'absent when there is a json', content);
  return outgoingJson(json);
}

/** A body of unknown length may be announced by the caller, who is taken at his word. */
function sizedBy(headers: HeaderMap, body: Outgoing | undefined): Outgoing | undefined {
  const given = headerIn(headers, 'content-length');
  if (given === undefined || !body) return body;
  if (body.trailers) {
    throw new HttpClientError('ERR_HTTP_CLIENT_BODY_LENGTH', 'a body with trailers is sent in chunks, without a Content-Length');
  }
  const length = /^\d+$/.test(given) ? Number(given) : NaN;
  if (!Number.isSafeInteger(length) || (body.length >= 0 && body.length !== length)) {
    throw new HttpClientError('ERR_HTTP_CLIENT_BODY_LENGTH', `Content-Length: ${given} is not what the body has`);
  }
  return { ...body, length };
}

function framing(headers: HeaderMap, body: Outgoing): string {
  const given = headerIn(headers, 'content-length');
  if (given !== undefined) return `Content-Length: ${given}\r\n`;
  return body.length < 0 ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${String(body.length)}\r\n`;
}

function withQuery(target: Target, query: NonNullable<RequestOptions['query']>): Target {
  const parameters = query instanceof URLSearchParams ? query : new URLSearchParams();
  if (!(query instanceof URLSearchParams)) {
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.append(name, String(value));
  }
  const text = String(parameters);
  if (text === '') return target;
  const add = `${target.path.includes('?') ? '&' : '?'}${text}`;
  const [href, hash] = target.href.split('#', 2);
  return { ...target, path: target.path + add, href: href! + add + (hash === undefined ? '' : `#${hash}`) };
}

const NO_ANSWER = new Set<string>([
  'ERR_HTTP_CLIENT_CLOSED', 'ERR_HTTP_CLIENT_CONNECT_TIMEOUT', 'ERR_HTTP_CLIENT_REFUSED', 'ERR_HTTP_CLIENT_PING_TIMEOUT',
]);

/** Whether it says nothing about the request: no connection, or one that has ended without an answer. */
export function isConnectionFailure(error: unknown): boolean {
  if (error instanceof HttpClientError) return NO_ANSWER.has(error.code);
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return isDisconnection(error) || syscall === 'connect' || (error instanceof AggregateError && code === 'ECONNREFUSED');
}
