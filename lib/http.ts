/// <reference types="node" preserve="true" />
/**
 * Knot, the HTTP/1.1 server: each connection has a coroutine, whose handler may park.
 *
 * @module stackful/http
 */

export type { Handler } from './http/connection.js';
export { ClientLeftError, HttpError } from './http/errors.js';
export type { ResponseHeaders } from './http/fields.js';
export type { Limits, Shedding } from './http/limits.js';
export { Request, RequestHeaders } from './http/request.js';
export type { BodyPart, ResponseBody, ResponseLike, ResponseParts } from './http/response.js';
export { Server, serve, type ServeOptions, type ServerAddress, type ServerStats } from './http/server.js';
export { staticFiles, type StaticOptions } from './http/static.js';
