import { wait } from '../../async/wait.js';
import { booleanOf, integerIn, invalidType, invalidValue, numberIn } from '../../internal/arguments.js';
import { knownOptions } from '../../internal/options.js';
import type { ParkOptions } from '../../internal/parking.js';
import type { TlsClientOptions } from '../../tls/terms.js';
import type { Http2ClientOptions } from './http2/options.js';
import type { ClientLimits } from './limits.js';
import type { RequestHeadersLike } from './lines.js';
import type { RequestBody } from './outgoing.js';
import type { RequestTrailers } from './trailers.js';

/** Where cookies are kept: the `CookieJar` of the package `tough-cookie` is one. */
export interface CookieJar {
  /** The value of a `Cookie` header for a URL, or a promise of it. */
  getCookieString(url: string): string | PromiseLike<string>;
  /** Keeps what a `Set-Cookie` header of that URL says. */
  setCookie(cookie: string, url: string): unknown;
}

/** Which requests are made again after a failure; see {@link RequestOptions.retries}. */
export interface RetryOptions {
  /** How often; default 2. */
  limit?: number;
  /** Answers that count as a failure. Default 502, 503, 504. */
  statuses?: readonly number[];
  /** Milliseconds before the first repetition, doubled for each further one, or what `Retry-After` says, up to 30 s. Default 100. */
  delay?: number;
}

/** The options of {@link request}. Times in milliseconds; `Infinity` sets no limit. */
export interface RequestOptions extends ParkOptions {
  /** Default `GET`, or `POST` with a body. */
  method?: string;
  /** Headers, beside those that the client writes: `Host`, `Content-Length`, `Connection` and those of the body. */
  headers?: RequestHeadersLike;
  /** A query that the URL gets, behind the one that it has. */
  query?: Readonly<Record<string, string | number | boolean | undefined>> | URLSearchParams;
  /**
   * Text, bytes, `FormData`, `URLSearchParams`, a `Blob`; a `File` of `stackful/fs`, which the system sends from its beginning; or a source
   * of pieces: an iterable, which may park, a socket, a stream. What has no length is sent in chunks.
   */
  body?: RequestBody | null;
  /** A value to be sent as JSON, instead of a body. */
  json?: unknown;
  /**
   * Fields behind the body, such as a checksum of it: an object, or a function that is called when the body was sent, may park, and is
   * called again with each repetition of the body. Over HTTP/1.1 the body is sent in chunks then, whatever it is. A `Trailer` header says
   * which fields will come: with an object it does so by itself, with a function it is among `headers` where the server wants it. A server
   * may leave trailers aside.
   */
  trailers?: RequestTrailers;
  /** How many redirects are followed. Default 0: they are answers as others. */
  redirects?: number;
  /** Whether bodies in gzip, deflate, br or (from Node 22 on) zstd are asked for, and decompressed. Default false. */
  decompress?: boolean;
  /** Keeps cookies, and sends them. */
  cookies?: CookieJar;
  /**
   * Repeats the request when no connection could be made, or it ended without an answer, or the status is 502, 503 or 504. Only requests
   * with an idempotent method, and a body that can be sent again. A number is the `limit`. Default 0.
   */
  retries?: number | RetryOptions;
  /**
   * Makes a span of OpenTelemetry for the request, until the head of its answer has come, and sends its context along (`traceparent`). The
   * program installs `@opentelemetry/api` and its SDK; see `tracing` of `stackful/http`. Default false.
   */
  tracing?: boolean;
  /** Asks whether the body is welcome before it is sent (`Expect: 100-continue`), and waits so long for a word. `true`: 1000. */
  expectContinue?: boolean | number;
  /** Asks for another protocol on the connection, such as `websocket`; an answer 101 has a `socket`. */
  upgrade?: string;
  /** From the request's end to the last byte of the answer's head. Default 300,000. */
  headersTimeout?: number;
  /** From one piece of the body to the next. Default 300,000. */
  bodyTimeout?: number;
  /** Bounds on the answer, beside the client's. */
  limits?: ClientLimits;
}

/** The options of {@link Client}. Times in milliseconds; `Infinity` sets no limit. */
export interface ClientOptions {
  /** For requests with a path instead of a URL: `http://host:port`, or `unix:/path/of/socket`. */
  origin?: string | URL;
  /** How many connections to one origin are open at most; further requests wait, in order. Default 256. */
  connections?: number;
  /** For how long a connection without a request is kept. Default 4000: servers of Node close theirs after 5 s. */
  idleTimeout?: number;
  /** For making a connection, handshakes included. Default 10,000. */
  connectTimeout?: number;
  /**
   * HTTP/2: with servers that choose it in the handshake of TLS; `'prior-knowledge'`: also with all that are spoken to without TLS. All
   * requests to a server share a connection then, and another one is opened when it takes no more. Default false, as a connection for all
   * has drawbacks, too: one packet that is lost holds up every answer. Where this Node lacks HTTP/2, `true` means HTTP/1.1.
   */
  http2?: boolean | 'prior-knowledge' | Http2ClientOptions;
  /** The options of `connect` of `stackful/tls`. */
  tls?: TlsClientOptions;
  /**
   * The URL of an HTTP proxy, perhaps with name and password; or `'environment'`: what `http_proxy`, `https_proxy` and `no_proxy` say.
   * Servers with `https:` are spoken to through a tunnel. Default: none, whatever the environment says.
   */
  proxy?: string | URL;
  /** Headers of every request. */
  headers?: RequestHeadersLike;
  /** As of {@link RequestOptions}, for every request. */
  redirects?: number;
  /** As of {@link RequestOptions}, for every request. */
  decompress?: boolean;
  /** As of {@link RequestOptions}, for every request. */
  cookies?: CookieJar;
  /** As of {@link RequestOptions}, for every request. */
  retries?: number | RetryOptions;
  /** As of {@link RequestOptions}, for every request. */
  tracing?: boolean;
  /** As of {@link RequestOptions}, for every request. */
  headersTimeout?: number;
  /** As of {@link RequestOptions}, for every request. */
  bodyTimeout?: number;
  /** Bounds on answers. */
  limits?: ClientLimits;
}

export const REQUEST_OPTIONS = new Set([
  'method', 'headers', 'query', 'body', 'json', 'trailers', 'redirects', 'decompress', 'cookies', 'retries', 'tracing', 'expectContinue',
  'upgrade', 'headersTimeout', 'bodyTimeout', 'limits', 'signal',
]);
export const CLIENT_OPTIONS = new Set([
  'origin', 'connections', 'idleTimeout', 'connectTimeout', 'http2', 'tls', 'proxy', 'headers', 'redirects', 'decompress', 'cookies',
  'retries', 'tracing', 'headersTimeout', 'bodyTimeout', 'limits',
]);

const RETRY_OPTIONS = new Set(['limit', 'statuses', 'delay']);
const MOST_REDIRECTS = 1000;
const MOST_RETRIES = 1000;
const EXPECT_MS = 1000;
const LONGEST = 2 ** 31 - 1;

export interface Retries {
  readonly limit: number;
  readonly statuses: readonly number[];
  readonly delay: number;
}

const NO_RETRIES: Retries = { limit: 0, statuses: [], delay: 0 };

/** What requests and clients may both be told. */
export interface Manners {
  readonly redirects: number;
  readonly decompress: boolean;
  readonly cookies: CookieJar | undefined;
  readonly retries: Retries;
  readonly tracing: boolean;
}

export const USUAL_MANNERS: Manners = { redirects: 0, decompress: false, cookies: undefined, retries: NO_RETRIES, tracing: false };

/** @throws TypeError, RangeError for wrong values */
export function mannersOf(given: RequestOptions | ClientOptions, defaults: Manners): Manners {
  const { redirects = defaults.redirects, decompress = defaults.decompress, cookies = defaults.cookies } = given;
  const { retries, tracing = defaults.tracing } = given;
  integerIn('options.redirects', redirects, 0, MOST_REDIRECTS);
  booleanOf('options.decompress', decompress);
  booleanOf('options.tracing', tracing);
  if (cookies !== undefined && (typeof cookies !== 'object' || typeof (cookies as Partial<CookieJar> | null)?.setCookie !== 'function')) {
    throw invalidType('options.cookies', 'a CookieJar, as of tough-cookie', cookies);
  }
  return { redirects, decompress, cookies, tracing, retries: retries === undefined ? defaults.retries : retriesOf(retries) };
}

function retriesOf(given: number | RetryOptions): Retries {
  if (typeof given !== 'number' && (typeof given !== 'object' || given as unknown === null)) {
    throw invalidType('options.retries', 'a number or an object', given);
  }
  const options = typeof given === 'number' ? { limit: given } : given;
  knownOptions('options.retries', options, RETRY_OPTIONS);
  const { limit = 2, statuses = [502, 503, 504], delay = 100 } = options;
  integerIn('options.retries.limit', limit, 0, MOST_RETRIES);
  numberIn('options.retries.delay', delay, 0, LONGEST);
  if (!Array.isArray(statuses)) throw invalidType('options.retries.statuses', 'an array', statuses);
  return { limit, statuses, delay };
}

export function expectMs(given: boolean | number | undefined): number {
  if (given === undefined || given === false) return 0;
  return given === true ? EXPECT_MS : numberIn('options.expectContinue', given, 1, LONGEST);
}

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** The methods that are written in capitals whatever their case, as `fetch` does. */
const USUAL = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);

export function methodOf(given: unknown): string {
  if (typeof given !== 'string' || !METHOD.test(given)) throw invalidValue('options.method', 'a method of HTTP', given);
  const upper = given.toUpperCase();
  if (upper === 'CONNECT') throw invalidValue('options.method', "a request's: a proxy is the option proxy", given);
  return USUAL.has(upper) ? upper : given;
}

/** The lines that ask for another protocol. */
export function upgradeOf(protocol: string | undefined): string {
  if (protocol === undefined) return '';
  if (typeof protocol !== 'string' || !METHOD.test(protocol)) throw invalidValue('options.upgrade', 'the name of a protocol', protocol);
  return `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
}

/** The cookies for a URL. Parks. */
export function cookiesFor(jar: CookieJar, url: string): string {
  const cookies = jar.getCookieString(url);
  return typeof cookies === 'string' ? cookies : wait(cookies);
}

/** Keeps the cookies of an answer. One that the jar refuses is dropped, as browsers do. Parks. */
export function keepCookies(jar: CookieJar, url: string, cookies: readonly string[]): void {
  for (const cookie of cookies) {
    try {
      const kept = jar.setCookie(cookie, url);
      if (typeof (kept as Partial<PromiseLike<unknown>> | undefined)?.then === 'function') {
        // A refusal is no failure of the request; an interruption of this wait is one.
        wait((kept as PromiseLike<unknown>).then(undefined, () => undefined));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_')) throw error;
    }
  }
}
