/// <reference types="node" preserve="true" />
/**
 * What the package `deasync` is, for code in coroutines: functions with a callback as functions that return its value. Only the
 * coroutine waits; Node's loop is not run from inside itself. The module's value is `deasync` itself.
 *
 * @module stackful/deasync
 */

export { deasync, deasync as default } from './async/deasync.js';
