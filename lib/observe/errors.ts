import type { Coroutine } from '../coroutine/coroutine.js';
import { StackfulError } from '../internal/errors.js';

/** Coroutines wait for each other; the message says which for what, `coroutines` are those involved. */
export class DeadlockError extends StackfulError {
  readonly code = 'ERR_DEADLOCK';
  constructor(
    message: string,
    /** Those that wait for each other. */
    readonly coroutines: readonly Coroutine[],
  ) {
    super(message);
  }
}
