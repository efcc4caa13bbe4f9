import { StackfulError } from '../internal/errors.js';

/**
 * `run`, `throwInto` or `reset` was called on a fiber that waits in a parking call of this library (`sleep`, a socket, a lock), or
 * for its turn after one. What it waits for resumes it; nothing has happened to it, and the argument of the call was not taken.
 */
export class FiberParkedError extends StackfulError {
  readonly code = 'ERR_FIBER_PARKED';
  /** @param parkedOn what it waits for; undefined: for its turn */
  constructor(call: string, parkedOn: string | undefined) {
    const state = parkedOn === undefined ? 'waits for its turn' : `is parked on ${parkedOn}`;
    super(`${call}() cannot resume this Fiber: it ${state}, and goes on by itself`);
  }
}
