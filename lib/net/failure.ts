import { getSystemErrorMap, getSystemErrorName } from 'node:util';

import { SocketBrokenError, SocketClosedError } from '../errors.js';
import { fail } from '../internal/codes.js';
import { CLOSED, KERNEL_TIMED_OUT, SOCKET_BROKEN } from './native.js';

const EBADF = -9;
const ECANCELED = -125;
const ETIMEDOUT = -110;
/** Codes below this are not the system's. */
const LAST_ERRNO = -4095;

/** The address in a system error; `port` is absent for Unix sockets. */
export interface Endpoint {
  address: string;
  port?: number;
}

function systemError(code: number, syscall: string, at: Endpoint | undefined): NodeJS.ErrnoException {
  const name = getSystemErrorName(code);
  let message = `${syscall} ${name}`;
  // Node describes the error of listen and of no other call on a socket.
  if (syscall === 'listen') message += `: ${getSystemErrorMap().get(code)?.[1] ?? 'unknown error'}`;
  if (at) message += ` ${at.address}${at.port === undefined ? '' : `:${String(at.port)}`}`;
  return Object.assign(new Error(message), { errno: code, code: name, syscall }, at);
}

/**
 * Throws what a negative result of a native call on a socket stands for.
 *
 * @param handle the socket's number as it is now
 * @param operation what the caller was doing, such as `socket.read`
 * @param syscall the system call to name in a system error
 */
export function failSocket(
  handle: number,
  code: number,
  operation: string,
  syscall: string,
  at?: Endpoint,
): never {
  switch (code) {
    case EBADF:
      if (handle === CLOSED) throw new SocketClosedError(operation);
      break;
    case SOCKET_BROKEN:
      throw new SocketBrokenError(operation);
    case KERNEL_TIMED_OUT:
      throw systemError(ETIMEDOUT, syscall, at);
  }
  if (code === ECANCELED || code < LAST_ERRNO) fail(code, operation);
  throw systemError(code, syscall, at);
}
