import { inspect } from 'node:util';

import { StackfulError } from '../internal/errors.js';

/** `next` of the application's scheduling policy returned a coroutine that is not ready, or none. */
export class SchedulingPolicyError extends StackfulError {
  readonly code = 'ERR_SCHEDULING_POLICY';
  constructor(chosen: unknown) {
    super(`next() of the scheduling policy must return a coroutine that it holds, and returned ${describe(chosen)}`);
  }
}

function describe(chosen: unknown): string {
  const { id } = (chosen ?? {}) as { id?: unknown };
  return typeof id === 'number' ? `coroutine #${String(id)}, which is not one of them` : inspect(chosen, { depth: 0 });
}
