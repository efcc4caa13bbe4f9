import { inspect } from 'node:util';

import type { Coroutine } from './coroutine.js';
import type { TimeoutScope } from './timeout.js';

/** Every error of this library carries a `code` that stays the same from version to version. */
abstract class StackfulError extends Error {
  abstract readonly code: string;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The running Node is not one whose V8 the engine knows; the message says what did not fit. */
export class UnsupportedRuntimeError extends StackfulError {
  readonly code = 'ERR_UNSUPPORTED_RUNTIME';
  constructor(what: string, options?: ErrorOptions) {
    super(
      `stackful does not support this runtime (Node ${process.versions.node}, V8 ${process.versions.v8}, ` +
        `${process.platform}-${process.arch}): ${what}. Supported are Node 20, 22, 24 and 26 on Linux, x64 and arm64.`,
      options,
    );
  }
}

let inMicrotask = () => false;

/** Says how to find out whether this is a promise callback. @internal */
export function setMicrotaskProbe(probe: () => boolean): void {
  inMicrotask = probe;
}

/**
 * A call that parks was made outside a coroutine: on the main stack (module code, event listeners, timers), or in a
 * promise callback, which what follows an `await` is. The message says which.
 */
export class NotInCoroutineError extends StackfulError {
  readonly code = 'ERR_NOT_IN_COROUTINE';
  constructor(operation: string) {
    super(
      inMicrotask()
        ? `${operation} can only be called inside a coroutine, and promise callbacks, such as what follows an await, run ` +
            `outside: wrap what calls it in spawn(() => ...), or wait for the promise with wait(promise) in a coroutine`
        : `${operation} can only be called inside a coroutine, and this is the main stack: ` +
            `wrap the caller in spawn(() => ...)`,
    );
  }
}

/** The stack cannot be left just now: V8 is in the middle of something that must end on this stack first. */
export class CannotParkError extends StackfulError {
  readonly code = 'ERR_CANNOT_PARK';
  constructor(operation: string) {
    super(`${operation} cannot park here: V8 has interrupts switched off on this stack`);
  }
}

/** The coroutine was cancelled; `reason` is what `cancel` was given. */
export class CancelledError extends StackfulError {
  readonly code = 'ERR_CANCELLED';
  constructor(readonly reason?: unknown) {
    super('the coroutine was cancelled', { cause: reason });
  }
}

/** Coroutines wait for each other; the message says who for what, `coroutines` are those involved. */
export class DeadlockError extends StackfulError {
  readonly code = 'ERR_DEADLOCK';
  constructor(message: string, readonly coroutines: readonly Coroutine[]) {
    super(message);
  }
}

/** A time limit passed; `scope` is the call of `timeout` that had set it. */
export class TimeoutError extends StackfulError {
  readonly code = 'ERR_TIMEOUT';
  constructor(
    operation: string,
    readonly scope?: TimeoutScope,
  ) {
    super(`${operation} timed out${scope ? `: it did not end within the ${String(scope.ms)} ms of its timeout` : ''}`);
  }
}

/** A call that can park was made inside `atomic`. */
export class AtomicSectionError extends StackfulError {
  readonly code = 'ERR_ATOMIC_SECTION';
  constructor(operation: string) {
    super(`${operation} can park and was called inside atomic(), or node:vm code with a time limit, where nothing may`);
  }
}

/** A lock was given back by a coroutine that does not hold it, or a second time; or its holder ended with it. */
export class LockOwnerError extends StackfulError {
  readonly code = 'ERR_LOCK_NOT_OWNED';
  constructor(operation: string, what: string) {
    super(`${operation}: ${what}`);
  }
}

/** A coroutine asked for a lock that it holds already: it would wait for itself for ever. */
export class RecursiveLockError extends StackfulError {
  readonly code = 'ERR_LOCK_RECURSIVE';
  constructor(operation: string) {
    super(`${operation}: this coroutine holds the lock already`);
  }
}

/** The channel was closed: nothing can be sent any more, or everything has been received. */
export class ChannelClosedError extends StackfulError {
  readonly code = 'ERR_CHANNEL_CLOSED';
  constructor(operation: string) {
    super(`${operation}: the channel is closed`);
  }
}

/** A coroutine was to be spawned in a `scope` that is over. */
export class ScopeEndedError extends StackfulError {
  readonly code = 'ERR_SCOPE_ENDED';
  constructor() {
    super('scope.spawn: the scope is over');
  }
}

/** More than one thing went wrong in a `scope`; `errors` are all of them, in order, and `cause` is the first. */
export class ScopeFailedError extends AggregateError {
  readonly code = 'ERR_SCOPE_FAILED';
  constructor(failures: readonly unknown[]) {
    const [first] = failures;
    const what = first instanceof Error ? first.message : inspect(first, { depth: 0 });
    super(failures, `${what} (and ${String(failures.length - 1)} more)`, { cause: first });
    this.name = 'ScopeFailedError';
  }
}

/** The application's scheduling policy chose a coroutine that is not ready, or none although one is. */
export class SchedulingPolicyError extends StackfulError {
  readonly code = 'ERR_SCHEDULING_POLICY';
  constructor(chosen: unknown) {
    super(`the scheduling policy was asked for one of the coroutines it holds and returned ${describe(chosen)}`);
  }
}

/** There is no memory for another stack: the budget of `configure({ stackMemory })` is spent, or the kernel refuses. */
export class StackMemoryError extends StackfulError {
  readonly code = 'ERR_STACK_MEMORY';
  constructor(bytes: number, budget?: number) {
    const why = budget === undefined ? 'the kernel has no address space for it' : `stacks use the ${String(budget)} bytes they may`;
    super(`no memory for a stack of ${String(bytes)} bytes: ${why}`);
  }
}

/** As many coroutines are alive as `configure({ maxCoroutines })` allows. */
export class TooManyCoroutinesError extends StackfulError {
  readonly code = 'ERR_TOO_MANY_COROUTINES';
  constructor(count: number) {
    super(`${String(count)} coroutines are alive, as many as configure({ maxCoroutines }) allows`);
  }
}

/** The environment (the process, or a worker) is going away; nothing can be started in it any more. */
export class RuntimeEndedError extends StackfulError {
  readonly code = 'ERR_RUNTIME_ENDED';
  constructor() {
    super('this environment is going away; no coroutine can run in it any more');
  }
}

/** The socket or listener was closed, before the call or while it was parked in it. */
export class SocketClosedError extends StackfulError {
  readonly code = 'ERR_SOCKET_CLOSED';
  constructor(operation: string) {
    super(`${operation}: the socket is closed`);
  }
}

/** An earlier write ended early, by cancellation or a time limit, after part of its data had gone out. */
export class SocketBrokenError extends StackfulError {
  readonly code = 'ERR_SOCKET_BROKEN';
  constructor(operation: string) {
    super(`${operation}: an earlier write was given up in the middle, so the peer could not tell where this one begins`);
  }
}

/** The stream ended before the bytes that were asked for had arrived; those that have can still be read. */
export class EndOfStreamError extends StackfulError {
  readonly code = 'ERR_END_OF_STREAM';
  constructor(operation: string, wanted: number, had: number) {
    super(`${operation}: the stream ended after ${String(had)} of ${String(wanted)} bytes`);
  }
}

/** The delimiter did not come within the limit; what has arrived can still be read. */
export class ReadLimitError extends StackfulError {
  readonly code = 'ERR_READ_LIMIT';
  constructor(operation: string, limit: number) {
    super(`${operation}: no delimiter within ${String(limit)} bytes`);
  }
}

function describe(chosen: unknown): string {
  const { id } = (chosen ?? {}) as { id?: unknown };
  return typeof id === 'number' ? `coroutine #${String(id)}, which is not one of them` : inspect(chosen, { depth: 0 });
}

/** A run of `simulate` failed. The message says how to repeat it, `cause` is what went wrong. */
export class SimulationError extends StackfulError {
  readonly code = 'ERR_SIMULATION';
  constructor(
    /** Repeats the run: `simulate({ seed }, fn)`. */
    readonly seed: number,
    /** Where somebody was cancelled in it, if anybody was. */
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
