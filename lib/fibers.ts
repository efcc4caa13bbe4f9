/// <reference types="node" preserve="true" />
/**
 * What the package `fibers` 5 was: functions on stacks of their own that their callers resume. The module's value is `Fiber` itself.
 * `node --import stackful/fibers/register` makes `require('fibers')` find it.
 *
 * @module stackful/fibers
 */

export { Fiber, Fiber as default, type FiberConstructor } from './fibers/fiber.js';
export { FiberParkedError } from './fibers/errors.js';
