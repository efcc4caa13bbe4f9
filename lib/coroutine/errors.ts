import { inspect } from 'node:util';

import { StackfulError } from '../internal/errors.js';
import type { TimeoutScope } from '../internal/limits.js';
import type { Waitable } from '../internal/waiting.js';

let inMicrotask = () => false;

/** Sets the function that tells whether a promise callback runs. @internal */
export function setMicrotaskProbe(probe: () => boolean): void {
  inMicrotask = probe;
}

/**
 * A call that parks was made outside a coroutine: on the main stack (module code, event listeners, timers); in a promise
 * callback, such as the code after an `await`; or in a listener of the process's own events ('exit',
 * 'uncaughtException'), on any stack. The message says which.
 */
export class NotInCoroutineError extends StackfulError {
  readonly code = 'ERR_NOT_IN_COROUTINE';
  /** @param where what runs instead, if that is on a coroutine's stack */
  constructor(operation: string, where?: string) {
    super(
      where !== undefined
        ? `${operation} can only be called inside a coroutine, and ${where}`
        : inMicrotask()
        ? `${operation} can only be called inside a coroutine, and promise callbacks, such as what follows an await, run ` +
            `outside: wrap what calls it in spawn(() => ...), or wait for the promise with wait(promise) in a coroutine`
        : `${operation} can only be called inside a coroutine, and this is the main stack: ` +
            `wrap the caller in spawn(() => ...)`,
    );
  }
}

/** A coroutine cannot park here: its stack has a frame that must return first. The message names it. */
export class CannotParkError extends StackfulError {
  readonly code = 'ERR_CANNOT_PARK';
  constructor(operation: string, reason: string) {
    super(`${operation} cannot park here: ${reason}`);
  }
}

/** The coroutine was cancelled; `reason` is the argument of `cancel`. */
export class CancelledError extends StackfulError {
  readonly code = 'ERR_CANCELLED';
  constructor(
    /** The argument of `cancel`. */
    readonly reason?: unknown,
  ) {
    super('the coroutine was cancelled', { cause: reason });
  }
}

/**
 * V8 terminated this coroutine, because the inspector (`Runtime.terminateExecution`, or the `timeout` of an evaluation) or an
 * addon asked it to. None of the coroutine's `catch` and `finally` blocks has run: locks that it held stay locked.
 */
export class TerminatedError extends StackfulError {
  readonly code = 'ERR_TERMINATED';
  constructor(coroutine: Waitable) {
    super(
      `${coroutine.label} was ended from outside (the inspector, or an addon, has terminated execution), ` +
        `without its catch and finally blocks: locks that it held stay locked`,
    );
  }
}

/** A time limit passed; `scope` is the call of `timeout` that set it. */
export class TimeoutError extends StackfulError {
  readonly code = 'ERR_TIMEOUT';
  constructor(
    operation: string,
    /** The call of `timeout` that set the limit. */
    readonly scope?: TimeoutScope,
    waitedFor?: string,
  ) {
    const limit = scope ? `: it did not end within the ${String(scope.ms)} ms of its timeout` : '';
    super(`${operation} timed out${limit}${waitedFor === undefined ? '' : `, waiting for ${waitedFor}`}`);
  }
}

/** A call that can park was made inside `atomic`. */
export class AtomicSectionError extends StackfulError {
  readonly code = 'ERR_ATOMIC_SECTION';
  constructor(operation: string) {
    super(
      `${operation} can park, which no call may inside atomic(), in code of node:vm or the inspector with a time limit, ` +
        `or while an addon is being loaded`,
    );
  }
}

/** `spawn` was called on a `scope` that is over. */
export class ScopeEndedError extends StackfulError {
  readonly code = 'ERR_SCOPE_ENDED';
  constructor() {
    super('scope.spawn: the scope is over');
  }
}

/** Several failures happened in a `scope`; `errors` has them in order, and `cause` is the first. */
export class ScopeFailedError extends AggregateError {
  readonly code = 'ERR_SCOPE_FAILED';
  constructor(failures: readonly unknown[]) {
    const [first] = failures;
    const what = first instanceof Error ? first.message : inspect(first, { depth: 0 });
    super(failures, `${what} (and ${String(failures.length - 1)} more)`, { cause: first });
    this.name = 'ScopeFailedError';
  }
}

/** There is no memory for another stack: the budget of `configure({ stackMemory })` is spent, or the kernel refused. */
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
