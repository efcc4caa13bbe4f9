import { StackfulError } from '../internal/errors.js';

/** The source was closed, before the call or while the call was parked. */
export class ReaderClosedError extends StackfulError {
  readonly code = 'ERR_READER_CLOSED';
  constructor(operation: string) {
    super(`${operation}: the reader is closed`);
  }
}

/** The stream was closed before its end, or before all that was written to it could be; nothing says why. */
export class PrematureCloseError extends StackfulError {
  readonly code = 'ERR_STREAM_PREMATURE_CLOSE';
  constructor(operation: string) {
    super(`${operation}: the stream was closed before its end`);
  }
}

/** Something is written after the end. */
export class WriteAfterEndError extends StackfulError {
  readonly code = 'ERR_STREAM_WRITE_AFTER_END';
  constructor(operation: string) {
    super(`${operation}: the stream was ended`);
  }
}
