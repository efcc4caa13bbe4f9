import { StackfulError } from '../internal/errors.js';

/** A trace is recorded already. */
export class TraceBusyError extends StackfulError {
  readonly code = 'ERR_TRACE_BUSY';
  constructor() {
    super('another trace is being recorded');
  }
}
