/// <reference types="node" preserve="true" />
/**
 * Child processes, which a coroutine waits for: the arguments, results and errors of `node:child_process`, without callbacks
 * and events.
 *
 * @module stackful/child_process
 */

export { Child, spawn, type ChildExit, type SpawnOptions } from './child_process/child.js';
export { exec, execFile, type ExecFileOptions, type ExecOptions, type Output } from './child_process/exec.js';
export { MaxBufferError } from './child_process/errors.js';
export { ChildPipe } from './child_process/pipe.js';
export type { CommonOptions } from './child_process/options.js';
export type { StdioEntry, StdioOptions } from './child_process/stdio.js';
