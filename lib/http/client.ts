/// <reference types="node" preserve="true" />
/**
 * An HTTP client that waits: `request`, `fetch`, and clients with connections of their own.
 *
 * @module stackful/http/client
 */

export { Body } from './client/body.js';
export { Client } from './client/client.js';
export { HttpClientError, type HttpClientErrorCode } from './client/errors.js';
export { fetch, FetchResponse, type FetchInit } from './client/fetch.js';
export type { Http2ClientOptions } from './client/http2/options.js';
export type { ClientLimits } from './client/limits.js';
export type { RequestHeadersLike } from './client/lines.js';
export type { ClientOptions, CookieJar, RequestOptions, RetryOptions } from './client/options.js';
export type { RequestBody } from './client/outgoing.js';
export type { PoolStats } from './client/pool.js';
export { request } from './client/request.js';
export { ClientResponse, ResponseHeaders } from './client/response.js';
export type { RequestTrailers } from './client/trailers.js';
