import { StackfulError } from '../internal/errors.js';

/** The socket or listener was closed, before the call or while the call was parked. */
export class SocketClosedError extends StackfulError {
  readonly code = 'ERR_SOCKET_CLOSED';
  constructor(operation: string) {
    super(`${operation}: the socket is closed`);
  }
}

/** An earlier write was interrupted, by cancellation or a time limit, after part of its data was sent. */
export class SocketBrokenError extends StackfulError {
  readonly code = 'ERR_SOCKET_BROKEN';
  constructor(operation: string) {
    super(`${operation}: an earlier write was interrupted in the middle, so the peer could not tell where this one begins`);
  }
}

/** The stream ended before all requested bytes had arrived; those that have can still be read. */
export class EndOfStreamError extends StackfulError {
  readonly code = 'ERR_END_OF_STREAM';
  constructor(operation: string, wanted: number, had: number) {
    super(`${operation}: the stream ended after ${String(had)} of ${String(wanted)} bytes`);
  }
}

/** Descriptors were sent that this process had no room for (`ulimit -n`); the system has dropped them. The bytes can still be read. */
export class DescriptorsLostError extends StackfulError {
  readonly code = 'ERR_DESCRIPTORS_LOST';
  constructor(operation: string) {
    super(`${operation}: this process has too many open files for the descriptors that were sent`);
  }
}

/** The address is on the `blockList` that the call was given. */
export class AddressBlockedError extends StackfulError {
  readonly code = 'ERR_IP_BLOCKED';
  constructor(address: string) {
    super(`IP(${address}) is blocked by net.BlockList`);
  }
}

/** The delimiter did not come within the limit; the bytes that have arrived can still be read. */
export class ReadLimitError extends StackfulError {
  readonly code = 'ERR_READ_LIMIT';
  constructor(operation: string, limit: number) {
    super(`${operation}: no delimiter within ${String(limit)} bytes`);
  }
}
