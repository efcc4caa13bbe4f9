import { StackfulError } from '../internal/errors.js';

/** How many faults a message lists, of the last. */
const MOST_SHOWN = 50;

/** A run of `simulate` failed. The message says how to repeat it and tells what happened; `cause` is the error. */
export class SimulationError extends StackfulError {
  readonly code = 'ERR_SIMULATION';
  constructor(
    /** Repeats the run, with `schedule` if there is one: `simulate({ seed }, fn)`. */
    readonly seed: number,
    /** Where the run cancelled a coroutine, if it did. */
    readonly cancel: { name: string; at: number; when?: string } | undefined,
    cause: unknown,
    /** Repeats the run: `simulate({ seed, schedule }, fn)`. Undefined: it was not looked for. */
    readonly schedule?: string,
    /** What happened turn by turn: who ran, and where each stopped. */
    readonly story?: string,
    /** What `faults` has injected, in order. */
    readonly faults: readonly string[] = [],
    /** The file of the recording that was replayed, if one was. */
    readonly replay?: string,
  ) {
    const what = cause instanceof Error ? cause.message : String(cause);
    const how = [replay === undefined ? `seed: ${String(seed)}` : `replay: '${replay}'`];
    if (schedule !== undefined) how.push(`schedule: '${schedule}'`);
    if (cancel) how.push(`cancel: ${JSON.stringify(cancel).replaceAll('"', "'")}`);
    const shown = faults.slice(-MOST_SHOWN).map((fault) => `\n  ${fault}`).join('');
    const wentWrong = shown && `\nfaults injected (${String(faults.length)}):${shown}`;
    super(`${what} (to repeat it: simulate({ ${how.join(', ')} }, fn))${wentWrong}${story === undefined ? '' : `\n${story}`}`, { cause });
  }
}

/**
 * A run did not do what the schedule or the recording says: the program has changed since, or it depends on something that
 * neither holds. The message says where.
 */
export class ReplayDivergedError extends StackfulError {
  readonly code = 'ERR_REPLAY_DIVERGED';
  constructor(where: string) {
    super(`the run went another way: ${where}`);
  }
}

/**
 * A replay came to something that recordings do not have: `offload`, or a result that cannot be written down. The message names it. A
 * recording warns of it when it happens.
 */
export class NotRecordedError extends StackfulError {
  readonly code = 'ERR_NOT_RECORDED';
  constructor(what: string) {
    super(`${what} is not in recordings, so a replay cannot go on from there`);
  }
}

/** Something is being recorded or simulated in this thread already. */
export class RecordingError extends StackfulError {
  readonly code = 'ERR_RECORDING';
  constructor() {
    super('record was called while something is recorded or simulated in this thread');
  }
}
