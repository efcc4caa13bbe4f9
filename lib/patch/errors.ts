import { StackfulError } from '../internal/errors.js';

/** `patch` or `unpatch` found functions that cannot be replaced: their object is frozen. Nothing was changed. */
export class CannotPatchError extends StackfulError {
  readonly code = 'ERR_CANNOT_PATCH';
  constructor(names: readonly string[], why: string) {
    super(`cannot replace ${names.join(', ')}: ${why}`);
  }
}
