import { StackfulError } from '../internal/errors.js';

/** The server has rolled a transaction back where it was asked to commit it. */
export class NotCommittedError extends StackfulError {
  readonly code = 'ERR_NOT_COMMITTED';
  constructor() {
    super('the server has rolled the transaction back: one of its queries failed, and its error was caught');
  }
}
