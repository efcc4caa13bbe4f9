import { fail } from '../internal/codes.js';
import { EBADF, ETIMEDOUT, FLUSH_FAILED, isInterruption, KERNEL_TIMED_OUT, SOCKET_BROKEN } from '../internal/results.js';
import { socketError, type Endpoint } from '../internal/system_errors.js';
import { SocketBrokenError, SocketClosedError } from './errors.js';
import { CLOSED, netFlushError } from './native.js';

/**
 * Throws the error of a negative result of a native call on a socket.
 *
 * @param handle the socket's number now, after the call
 * @param operation the call to name in errors about the call itself, such as `socket.read`
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
    case FLUSH_FAILED:
      // Of an earlier write, which had put its bytes off.
      throw socketError(netFlushError(handle), 'write', at);
    case KERNEL_TIMED_OUT:
      throw socketError(ETIMEDOUT, syscall, at);
  }
  if (isInterruption(code)) fail(code, operation);
  throw socketError(code, syscall, at);
}
