import { invalidType } from '../internal/arguments.js';
import type { ParkOptions } from '../internal/parking.js';
import { withSignal } from '../signal.js';
import { checkEndpoint, resolveHost, type EndpointOptions } from './address.js';
import { failSocket } from './failure.js';
import { CLOSED, netConnect } from './native.js';
import { Socket } from './socket.js';

export type ConnectOptions = EndpointOptions & ParkOptions;

const ANY_TIME = -1;
/** What an address of several may take: one that swallows packets would cost minutes. */
const ATTEMPT_MS = 3000;

/**
 * Connects to a TCP port or a Unix socket. Without `host`: to this machine. The addresses of a host are tried
 * one after the other, in the order in which the system gives them. Parks.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`), RangeError (`ERR_SOCKET_BAD_PORT`),
 *   the system's errors with Node's codes (`ECONNREFUSED`, `ENOTFOUND`, `ETIMEDOUT`, ...); an AggregateError
 *   with the code of the first when all of several addresses fail
 */
export function connect(options: ConnectOptions): Socket {
  if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
  checkEndpoint(options);
  const { path, port = -1, host, signal } = options;
  if (signal) return withSignal(signal, () => connect({ ...options, signal: undefined }));
  if (path !== undefined) return attempt(path, port, ANY_TIME);
  const addresses = resolveHost(host || 'localhost');
  const last = addresses.pop()!;
  const failures: NodeJS.ErrnoException[] = [];
  for (const address of addresses) {
    try {
      return attempt(address, port, ATTEMPT_MS);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      failures.push(error);
    }
  }
  try {
    return attempt(last, port, ANY_TIME);
  } catch (error) {
    if (failures.length === 0 || !isSystemError(error)) throw error;
    failures.push(error);
  }
  const message = failures.map((failure) => failure.message).join('; ');
  throw Object.assign(new AggregateError(failures, message), { code: failures[0]!.code });
}

function attempt(address: string, port: number, ms: number): Socket {
  const result = netConnect(address, port, ms);
  if (result >= 0) return new Socket(result);
  return failSocket(CLOSED, result, 'connect', 'connect', port < 0 ? { address } : { address, port });
}

/** Not the coroutine's own end: cancellation, a time limit. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
