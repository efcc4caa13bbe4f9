import { STATUS_CODES } from 'node:http';

import { invalidType, oneOf } from '../../internal/arguments.js';
import { knownOptions } from '../../internal/options.js';
import { HttpClientError } from './errors.js';
import type { RequestHeadersLike } from './lines.js';
import type { RequestOptions } from './options.js';
import type { RequestBody } from './outgoing.js';
import type { Body } from './body.js';
import { isRedirect } from './redirect.js';
import { sharedClient } from './request.js';
import type { ClientResponse } from './response.js';

/** The options of {@link fetch}, a subset of the `RequestInit` of the global one. */
export interface FetchInit {
  /** Default `GET`. */
  method?: string;
  /** Headers of the request. */
  headers?: RequestHeadersLike;
  /** As of `request`. */
  body?: RequestBody | null;
  /** Whether redirects are followed, up to 20; are an error; or are answers as others. Default `follow`. */
  redirect?: 'follow' | 'error' | 'manual';
  /** Aborting it ends the call, and the reading of the body if that is under way in it. */
  signal?: AbortSignal | null;
}

/** Of browsers; they mean nothing here. */
const WITHOUT_MEANING = ['mode', 'credentials', 'cache', 'referrer', 'referrerPolicy', 'keepalive', 'duplex', 'priority', 'window'];
const KNOWN = new Set(['method', 'headers', 'body', 'redirect', 'signal', ...WITHOUT_MEANING]);
const MOST_REDIRECTS = 20;
const DEFAULTS: Readonly<Record<string, string>> = Object.freeze({ 'Accept': '*/*', 'User-Agent': 'stackful' });

/** What a call without options comes to. */
const USUAL: RequestOptions = { method: 'GET', headers: DEFAULTS, decompress: true, redirects: MOST_REDIRECTS };

/**
 * An answer in the shape of `fetch`'s, whose methods wait instead of returning promises.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { serve } from 'stackful/http';
 * import { fetch } from 'stackful/http/client';
 *
 * const server = serve(() => ({ headers: { 'Content-Type': 'text/html' }, body: '<p>' }), { host: '127.0.0.1' });
 * await spawn(() => {
 *   const response = fetch(`http://127.0.0.1:${server.port}/`);
 *   console.log(response.ok, response.headers.get('content-type'), response.text()); // true text/html <p>
 * });
 * await server.close();
 * ```
 */
export class FetchResponse implements Disposable {
  private known: Headers | undefined = undefined;

  /** @internal */
  constructor(private readonly response: ClientResponse) {}

  /** 200 to 999. */
  get status(): number {
    return this.response.status;
  }
  /** Whether the status is 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }
  /** The phrase of the status line. */
  get statusText(): string {
    return this.response.reason;
  }
  /** The URL that has answered, without its fragment. */
  get url(): string {
    return this.response.url.split('#', 1)[0]!;
  }
  /** Whether redirects were followed. */
  get redirected(): boolean {
    return this.response.redirected;
  }
  /** `default`, as of an answer of one's own origin. */
  get type(): 'default' {
    return 'default';
  }
  /** Its headers, as of the global `fetch`. */
  get headers(): Headers {
    return (this.known ??= new Headers([...this.response.headers]));
  }
  /** Whether the body was read, or is being read. */
  get bodyUsed(): boolean {
    return this.response.body.bodyUsed;
  }
  /** The body: a loop over its pieces. */
  get body(): Body {
    return this.response.body;
  }
  /** The whole body as UTF-8. Parks. */
  text(): string {
    return this.response.text();
  }
  /** The whole body, parsed as JSON. Parks. */
  json(): unknown {
    return this.response.json();
  }
  /** The whole body. Parks. */
  bytes(): Uint8Array<ArrayBuffer> {
    // A copy: what has arrived lies in memory that other answers have parts of.
    return new Uint8Array(this.response.bytes());
  }
  /** The whole body. Parks. */
  arrayBuffer(): ArrayBuffer {
    return this.bytes().buffer;
  }
  /** The whole body. Parks. */
  blob(): Blob {
    return new Blob([this.bytes()], { type: this.response.headers.get('content-type') ?? '' });
  }
  /** For `using`: closes the connection if the body has not come to its end. Never parks. */
  [Symbol.dispose](): void {
    this.response[Symbol.dispose]();
  }
}

/**
 * The `fetch` of browsers, except that it waits and returns the answer instead of a promise of it: follows redirects, decompresses bodies.
 * Failures are those of `request`, not a `TypeError` for all. Parks.
 *
 * @throws what {@link request} throws; HttpClientError (`ERR_HTTP_CLIENT_REDIRECT`) for more than 20 redirects, or for one with `redirect:
 *   'error'`
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { serve } from 'stackful/http';
 * import { fetch } from 'stackful/http/client';
 *
 * const moved = { status: 301, headers: { Location: '/new' } };
 * const server = serve((request) => request.path === '/new' ? 'here now' : moved, { host: '127.0.0.1' });
 * await spawn(() => {
 *   const response = fetch(`http://127.0.0.1:${server.port}/old`);
 *   console.log(response.redirected, response.text()); // true here now
 * });
 * await server.close();
 * ```
 */
export function fetch(url: string | URL, init: FetchInit = {}): FetchResponse {
  if (typeof init !== 'object' || init as unknown === null) throw invalidType('init', 'an object', init);
  knownOptions('fetch', init, KNOWN);
  const { method = 'GET', headers, body, redirect = 'follow', signal } = init;
  if (method === 'GET' && headers === undefined && redirect === 'follow' && !body && !signal) {
    return new FetchResponse(sharedClient().requestPrepared(url, USUAL));
  }
  oneOf('init.redirect', redirect, ['follow', 'error', 'manual']);
  if (body !== undefined && body !== null && /^(get|head)$/i.test(method)) throw invalidType('init.body', `absent with ${method}`, body);
  const options: RequestOptions = {
    method,
    headers: withDefaults(headers),
    body,
    decompress: true,
    redirects: redirect === 'follow' ? MOST_REDIRECTS : 0,
  };
  if (signal) options.signal = signal;
  const response = sharedClient().request(url, options);
  if (redirect === 'error' && isRedirect(response.status)) {
    response[Symbol.dispose]();
    throw new HttpClientError('ERR_HTTP_CLIENT_REDIRECT', `${response.url} redirects (${STATUS_CODES[response.status]!})`);
  }
  return new FetchResponse(response);
}

function withDefaults(given: RequestHeadersLike | undefined): RequestHeadersLike {
  if (given === undefined) return DEFAULTS;
  if (typeof given !== 'object' || given as unknown === null) throw invalidType('init.headers', 'an object', given);
  const own = Symbol.iterator in given ? [...(given as Iterable<readonly [string, string]>)] : Object.entries(given);
  const names = new Set(own.map((pair) => String(pair[0]).toLowerCase()));
  return [...Object.entries(DEFAULTS).filter(([name]) => !names.has(name.toLowerCase())), ...own];
}
