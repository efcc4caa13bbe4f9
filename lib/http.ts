/// <reference types="node" preserve="true" />
/**
 * Knot, the server of HTTP/1.1 and HTTP/2: each connection has a coroutine, or each stream, whose handler may park.
 *
 * @module stackful/http
 */

export { accessLog, type AccessLog, type AccessLogOptions } from './http/access_log.js';
export { compress } from './http/compress.js';
export { setCookie, type CookieOptions } from './http/cookies.js';
export type { Encoding, Levels } from './http/encoders.js';
export { ClientLeftError, Http2UnsupportedError, HttpError, ProxyProtocolError } from './http/errors.js';
export type { Handler } from './http/exchange.js';
export type { FetchApplication, FetchHandler } from './http/fetch_handler.js';
export type { ResponseHeaders } from './http/fields.js';
export type { FormPart } from './http/form_part.js';
export type { Http2Options } from './http/http2/settings.js';
export type { Limits, Shedding } from './http/limits.js';
export { json, withHeaders } from './http/reply.js';
export type { FormLimits } from './http/multipart.js';
export type { CompressOptions } from './http/negotiated.js';
export { nodeMiddleware, type Middleware, type MiddlewareRequest, type MiddlewareResponse } from './http/node_middleware.js';
export type { HashBy, HealthCheck, ProxyFailure, ProxyOptions } from './http/proxy/options.js';
export { proxy, type ProxyHandler } from './http/proxy/proxy.js';
export type { UpstreamStats } from './http/proxy/upstream.js';
export { Request } from './http/request.js';
export { RequestHeaders } from './http/request_headers.js';
export type { BodyPart, ResponseBody, ResponseLike, ResponseParts } from './http/response.js';
export { router, type ParamsOf, type RoutedRequest, type RouteHandler, type Router, type RouterOptions } from './http/router.js';
export { eventStream, type EventSource, type EventStreamOptions, type ServerSentEvent } from './http/server_sent_events.js';
export type { ProxyProtocolOptions } from './http/proxy_protocol.js';
export type { TrustProxyOptions } from './http/trust_proxy.js';
export { Server, serve, type ServeOptions, type ServerAddress, type ServerStats } from './http/server.js';
export { staticFiles, type StaticOptions } from './http/static.js';
export { tracing, type TracingOptions } from './http/tracing.js';
