import { StackfulError } from '../internal/errors.js';
import type { Waitable } from '../internal/waiting.js';

/** A coroutine unlocked a lock that it does not hold, or a second time; or the holder of a wanted lock has ended. */
export class LockOwnerError extends StackfulError {
  readonly code = 'ERR_LOCK_NOT_OWNED';
  constructor(operation: string, what: string) {
    super(`${operation}: ${what}`);
  }
}

/** A coroutine wants a lock that it holds: it would wait for itself for ever. */
export class RecursiveLockError extends StackfulError {
  readonly code = 'ERR_LOCK_RECURSIVE';
  constructor(operation: string, lock: Waitable) {
    super(`${operation}: this coroutine holds ${lock.label} already`);
  }
}

/** The channel is closed: nothing can be sent, or every value has been received. */
export class ChannelClosedError extends StackfulError {
  readonly code = 'ERR_CHANNEL_CLOSED';
  constructor(operation: string) {
    super(`${operation}: the channel is closed`);
  }
}
