import { functionOf } from '../internal/arguments.js';
import { current } from '../internal/current.js';
import { ParkKind } from '../internal/kinds.js';
import { native } from '../internal/native.js';
import { checkpoint, WaitQueue } from '../internal/parking.js';
import type { Waitable } from '../internal/waiting.js';
import { spawn, type Coroutine, type SpawnOptions } from './coroutine.js';
import { abortSignals, signalsTaken } from './current_signal.js';
import { CancelledError, NotInCoroutineError, ScopeEndedError, ScopeFailedError } from './errors.js';
import { shield } from './shield.js';
import { within } from './within.js';

/** The argument of the function of {@link scope}. */
export interface Scope {
  /**
   * Works as the global `spawn`, but the coroutine ends before the scope does. It may be called from anywhere until the scope
   * ends; after `cancel` or a failure the new coroutine is cancelled from the start.
   *
   * @throws ScopeEndedError (`ERR_SCOPE_ENDED`)
   */
  spawn<R>(fn: () => R, options?: SpawnOptions): Coroutine<R>;
  /**
   * Cancels the scope's coroutines, and ends the parking calls of its function likewise. If the function returns all the
   * same, so does the scope; if not, the scope throws a CancelledError with this `reason`.
   */
  cancel(reason?: unknown): void;
}

/** Coroutines end a scope; a clock or a signal around it has a limit of its own. */
const LIMIT = { operation: 'scope', enter: native.signalEnter, outside: false };

function runBody<R>(fn: (scope: Scope) => R, family: Family, number: number): R {
  return family.runBody(fn, number);
}

/** The coroutines of one call of {@link scope}. */
class Family implements Scope, Waitable {
  readonly label = 'scope';
  private readonly owner = current();
  private readonly children = new Set<Coroutine>();
  private readonly idle = new WaitQueue();
  private ended = false;
  private cancelled = false;
  /** The reason of the CancelledErrors of the function's and the children's parking calls. */
  private cancellation: unknown;
  /** The number of the native scope around the function; -1 once that is over. */
  private body = -1;
  /** All failures in order, without the cancellations that the scope itself caused. */
  readonly failures: unknown[] = [];

  heldBy(): Coroutine[] {
    return [...this.children];
  }

  spawn<R>(fn: () => R, options?: SpawnOptions): Coroutine<R> {
    if (this.ended) throw new ScopeEndedError();
    const child = spawn(fn, options);
    this.children.add(child);
    child.supervisor = this;
    if (this.cancelled) child.cancel(this.cancellation);
    return child;
  }

  cancel(reason?: unknown): void {
    if (this.cancelled || this.ended) return;
    this.cancelled = true;
    this.cancellation = reason;
    if (this.body >= 0) native.limitFire(this.body);
    if (signalsTaken) abortSignals(this.owner, this, this.reason);
    for (const child of this.children) child.cancel(reason);
  }

  /** A child calls it at its end. A cancelled child that ends with its CancelledError has not failed. */
  childEnded(child: Coroutine, failed: boolean, error: unknown): void {
    this.children.delete(child);
    if (failed && !child.endedAsTold) this.fail(error);
    if (this.children.size === 0) this.idle.wakeOne();
  }

  private fail(error: unknown): void {
    this.failures.push(error);
    this.cancel(error);
  }

  /** What the interrupted function throws; `fail` reads it as it reads an abort signal's reason. */
  get reason(): CancelledError {
    // Not enumerable, so not shown: `run` recognises its own error by it.
    return Object.defineProperty(new CancelledError(this.cancellation), 'scope', { value: this });
  }

  /** Runs the function, then waits for every child, also after failures. */
  run<R>(fn: (scope: Scope) => R): R {
    let result: R | undefined;
    try {
      result = within(LIMIT, 0, this, runBody<R>, fn);
    } catch (error) {
      // This scope's own cancellation is no failure if there is one that caused it.
      if ((error as { scope?: unknown } | undefined)?.scope !== this) this.fail(error);
      else if (this.failures.length === 0) this.failures.push(error);
      shield(() => { this.awaitChildren(); });
    }
    try {
      this.awaitChildren();
    } catch (interruption) {
      this.fail(interruption);
      shield(() => { this.awaitChildren(); });
    }
    this.ended = true;
    if (this.failures.length === 1) throw this.failures[0];
    if (this.failures.length > 1) throw new ScopeFailedError(this.failures);
    return result as R;
  }

  /** In the limit with this number. */
  runBody<R>(fn: (scope: Scope) => R, number: number): R {
    this.body = number;
    try {
      return fn(this);
    } finally {
      this.body = -1;
    }
  }

  private awaitChildren(): void {
    while (this.children.size > 0) this.idle.park(ParkKind.scope, 'scope', undefined, this);
  }
}

/**
 * Runs `fn`, waits until every coroutine spawned through its argument is done, and returns the result of `fn`: no such
 * coroutine outlives the call. Parks.
 *
 * The first failure, of a coroutine or of `fn`, cancels the others; the scope waits for all of them (code in `shield` runs to
 * its end), then throws it. After several failures it throws a ScopeFailedError with all of them in `errors`. A coroutine
 * that ends by its cancellation has not failed. When the caller is cancelled or times out, the scope cancels its coroutines
 * and waits for them.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), ScopeFailedError (`ERR_SCOPE_FAILED`), the only failure,
 *   CancelledError (`ERR_CANCELLED`) after `scope.cancel`
 *
 * @example
 * ```ts
 * import { scope, sleep, spawn } from 'stackful';
 *
 * const load = (name: string) => (sleep(1), `page ${name}`);
 * const pages = await spawn(() => scope((s) => {
 *   const first = s.spawn(() => load('one'));
 *   const second = s.spawn(() => load('two'));
 *   return [first.join(), second.join()];
 * }));
 * console.log(pages.join(', ')); // page one, page two
 * ```
 */
export function scope<R>(fn: (scope: Scope) => R): R {
  functionOf('fn', fn);
  if (!current()) throw new NotInCoroutineError('scope');
  checkpoint('scope');
  return new Family().run(fn);
}
