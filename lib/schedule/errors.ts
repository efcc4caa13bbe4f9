import { inspect } from 'node:util';

import { StackfulError } from '../internal/errors.js';

/** `next` of the application's scheduling policy returned a coroutine that is not ready, or none. */
export class SchedulingPolicyError extends StackfulError {
  readonly code = 'ERR_SCHEDULING_POLICY';
  constructor(chosen: unknown) {
    super(`next() of the scheduling policy must return a coroutine that it holds, and returned ${describe(chosen)}`);
  }
}

/** Admission has held a coroutine at an edge for as long as it may, and what was short there still is. Nothing of the work has begun. */
export class AdmissionRefusedError extends StackfulError {
  readonly code = 'ERR_ADMISSION_REFUSED';
  constructor(
    /** The name of the edge. */
    readonly edge: string,
  ) {
    super(`${edge} was held back for longer than its patience, because what it uses is short`);
  }
}

function describe(chosen: unknown): string {
  const { id } = (chosen ?? {}) as { id?: unknown };
  return typeof id === 'number' ? `coroutine #${String(id)}, which is not one of them` : inspect(chosen, { depth: 0 });
}
