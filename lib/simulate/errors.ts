import { StackfulError } from '../internal/errors.js';

/** A run of `simulate` failed. The message says how to repeat it, `cause` is the error. */
export class SimulationError extends StackfulError {
  readonly code = 'ERR_SIMULATION';
  constructor(
    /** Repeats the run: `simulate({ seed }, fn)`. */
    readonly seed: number,
    /** Where the run cancelled a coroutine, if it did. */
    readonly cancel: { name: string; at: number; when?: string } | undefined,
    cause: unknown,
  ) {
    const what = cause instanceof Error ? cause.message : String(cause);
    const how = cancel
      ? `{ seed: ${String(seed)}, cancel: ${JSON.stringify(cancel).replaceAll('"', "'")} }`
      : `{ seed: ${String(seed)} }`;
    super(`${what} (to repeat it: simulate(${how}, fn))`, { cause });
  }
}
