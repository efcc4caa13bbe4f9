import { getSystemErrorName } from 'node:util';

import { fail } from '../internal/codes.js';
import { isInterruption } from '../internal/results.js';
import { socketError } from '../internal/system_errors.js';

/** The errors of a start that Node emits, and which name the program; those that it throws do not. */
const EMITTED = new Set(['EACCES', 'EAGAIN', 'EMFILE', 'ENFILE', 'ENOENT']);

/** The error of a start that failed with `code`; throws that of an interruption. */
export function startError(code: number, file: string, args: readonly string[], operation: string): NodeJS.ErrnoException {
  if (isInterruption(code)) fail(code, operation);
  if (!EMITTED.has(getSystemErrorName(code))) return socketError(code, 'spawn');
  return Object.assign(socketError(code, `spawn ${file}`), { path: file, spawnargs: args.slice(1) });
}

/** Whether Node would emit this error of a start, not throw it. */
export function isEmitted(error: NodeJS.ErrnoException): boolean {
  return EMITTED.has(error.code ?? '');
}

/** More output came than `maxBuffer` allows. */
export class MaxBufferError extends RangeError {
  /** As Node's. */
  readonly code = 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER';
  /** The command, as far as the caller gave it. */
  cmd = '';
  /** What came, cut at `maxBuffer` bytes. */
  stdout: string | Buffer = '';
  /** The same of standard error. */
  stderr: string | Buffer = '';

  /** @internal */
  constructor(name: string) {
    super(`${name} maxBuffer length exceeded`);
    Object.defineProperty(this, 'name', { value: 'RangeError', enumerable: false, configurable: true, writable: true });
  }
}

/** As Node refuses it under its permission model. */
export function checkPermission(): void {
  const { permission } = process as { permission?: { has(scope: string): boolean } };
  if (!permission || permission.has('child')) return;
  throw Object.assign(
    new Error('Access to this API has been restricted. Use --allow-child-process to manage permissions.'),
    { code: 'ERR_ACCESS_DENIED', permission: 'ChildProcess' },
  );
}
