import { waitCallback } from '../async/wait_callback.js';
import { functionOf } from '../internal/arguments.js';
import type { Handler } from './exchange.js';
import type { HeaderValue } from './fields.js';
import { withHeaders } from './reply.js';
import type { Request } from './request.js';
import type { ResponseLike } from './response.js';

/** What such a function finds of the request: as of `node:http`. */
export interface MiddlewareRequest {
  /** As of the request. */
  readonly method: string;
  /** The request's target: path and query. */
  readonly url: string;
  /** The headers, by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** `1.0`, `1.1` or `2.0`. */
  readonly httpVersion: string;
  /** The peer's address, and whether it speaks TLS. */
  readonly socket: { readonly remoteAddress: string; readonly encrypted: boolean };
}

/** What such a function can do with the response: headers, a status, and an end. */
export class MiddlewareResponse {
  /** The status, if the function ends the response. */
  statusCode = 200;
  private readonly fields = new Map<string, readonly [name: string, value: HeaderValue]>();
  /** @internal */
  body: string | Uint8Array | undefined;

  /** @internal */
  constructor(private readonly over: () => void) {}

  /** Sets a header, in place of one of that name. */
  setHeader(name: string, value: HeaderValue): this {
    this.fields.set(name.toLowerCase(), [name, value]);
    return this;
  }

  /** The value of a header that was set. */
  getHeader(name: string): HeaderValue {
    return this.fields.get(name.toLowerCase())?.[1];
  }

  /** Whether a header was set. */
  hasHeader(name: string): boolean {
    return this.fields.has(name.toLowerCase());
  }

  /** Takes a header back. */
  removeHeader(name: string): void {
    this.fields.delete(name.toLowerCase());
  }

  /** Ends the response; the handler behind is not called. */
  end(body?: string | Uint8Array): void {
    this.body = body;
    this.over();
  }

  /** @internal */
  get headers(): (readonly [name: string, value: HeaderValue])[] {
    return [...this.fields.values()];
  }
}

/** A function as Connect and Express take it. */
export type Middleware = (request: never, response: never, next: (error?: unknown) => void) => unknown;

/**
 * A function around handlers that first runs one made for Connect or Express, such as `helmet()` or `cors()`: one that looks at method,
 * URL and headers, sets headers, and calls `next` or ends the response. Those headers are added to what the handler returns. The
 * handler that it makes parks until `next` is called. Functions that read the body or write a response in pieces belong to those
 * frameworks.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`); the handler that it makes: what the function throws, or gives to `next`
 *
 * @example
 * ```ts
 * import cors from 'cors';
 * import helmet from 'helmet';
 * import { nodeMiddleware, serve } from 'stackful/http';
 *
 * const secured = nodeMiddleware(helmet());
 * const shared = nodeMiddleware(cors({ origin: 'https://example.org' }));
 *
 * const server = serve(secured(shared(() => 'hello')), { host: '127.0.0.1' });
 * const response = await fetch(`http://127.0.0.1:${server.port}/`);
 * console.log(response.headers.get('x-content-type-options')); // nosniff
 * console.log(response.headers.get('access-control-allow-origin')); // https://example.org
 * await response.text();
 * await server.close();
 * ```
 */
export function nodeMiddleware(middleware: Middleware): (next: Handler) => Handler {
  functionOf('middleware', middleware);
  return (next) => (request) => {
    let ended = false;
    const given = about(request);
    const response = waitCallback<MiddlewareResponse>((done) => {
      const answer = new MiddlewareResponse(() => {
        ended = true;
        done(null, answer);
      });
      const result = middleware(given as never, answer as never, (error) => { done(error, answer); });
      // One that is an async function may fail without a call of `next`.
      if (result instanceof Promise) result.catch(done);
    });
    if (ended) return { status: response.statusCode, headers: response.headers, body: response.body } satisfies ResponseLike;
    return withHeaders(next(request), response.headers);
  };
}

function about(request: Request): MiddlewareRequest {
  return {
    method: request.method,
    url: request.target,
    headers: request.headers.toObject(),
    httpVersion: request.httpVersion,
    socket: { remoteAddress: request.remoteAddress, encrypted: request.tls !== undefined },
  };
}
