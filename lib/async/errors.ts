import { StackfulError } from '../internal/errors.js';

/** An emitter was closed before it emitted the event that a coroutine waits for. */
export class EmitterClosedError extends StackfulError {
  readonly code = 'ERR_EMITTER_CLOSED';
  constructor(what: string, event: string) {
    super(`waitOnce: the ${what} was closed before it emitted ${event}`);
  }
}
