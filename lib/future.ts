/// <reference types="node" preserve="true" />
/**
 * What `fibers/future` was: results for which a fiber, or any coroutine, waits. The module's value is `Future` itself.
 *
 * @module stackful/future
 */

export { Future, Future as default, type FutureConstructor, type FutureFunction } from './fibers/future.js';
