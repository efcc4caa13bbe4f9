/// <reference types="node" preserve="true" />
/**
 * Functions that others call, such as the handlers of node:http, Express, Fastify, Koa and Hono, resolvers, listeners and tests, with
 * bodies that run in coroutines.
 *
 * @module stackful/embed
 */

export { coroutine, type HandlerOptions } from './embed/coroutine.js';
export { transaction, withClient, type ConnectionQuery, type Query, type QueryRows, type TransactionOptions } from './embed/database.js';
export { NotCommittedError } from './embed/errors.js';
export { inCoroutine } from './embed/in_coroutine.js';
export type { ClientPool, ConnectionPool, PooledClient, PooledConnection } from './embed/lease.js';
