import { current, spawn, type Coroutine, type SpawnOptions } from './coroutine.js';
import { CancelledError, NotInCoroutineError, ScopeEndedError, ScopeFailedError } from './errors.js';
import { functionOf } from './internal/arguments.js';
import { fail } from './internal/codes.js';
import { ParkKind } from './internal/kinds.js';
import { native } from './internal/native.js';
import { checkpoint, WaitQueue } from './internal/parking.js';
import { openScopes } from './internal/scopes.js';
import type { Waitable } from './internal/waiting.js';
import { shield } from './shield.js';

/** What the function of {@link scope} gets. */
export interface Scope {
  /**
   * As the global `spawn`, but the coroutine ends before the scope does. May be called from anywhere as long as the scope
   * lasts; in one that is being cancelled, what is spawned is cancelled from the start.
   *
   * @throws ScopeEndedError (`ERR_SCOPE_ENDED`)
   */
  spawn<R>(fn: () => R, options?: SpawnOptions): Coroutine<R>;
  /**
   * Ends early everything that the scope's coroutines and its function wait for, as if each were cancelled. If the function
   * returns all the same, so does the scope; if not, it throws a CancelledError with this `reason`.
   */
  cancel(reason?: unknown): void;
}

/** The coroutines of one call of {@link scope}. */
class Family implements Scope, Waitable {
  readonly label = 'scope';
  private readonly children = new Set<Coroutine>();
  private readonly idle = new WaitQueue();
  private ended = false;
  private cancelled = false;
  /** What the function's parking calls, and those of the children, end with. */
  private cancellation: unknown;
  /** Number of the native scope around the function; -1 once that is over. */
  private body = -1;
  /** Whatever went wrong, the first in front; without the cancellations that the scope itself caused. */
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
    if (this.body >= 0) native.scopeFire(this.body);
    for (const child of this.children) child.cancel(reason);
  }

  /** By a child, at its end. Whoever was cancelled and ends so has done what it was told. */
  childEnded(child: Coroutine, failed: boolean, error: unknown): void {
    this.children.delete(child);
    if (failed && !(child.isCancelled && error instanceof CancelledError)) this.fail(error);
    if (this.children.size === 0) this.idle.wakeOne();
  }

  private fail(error: unknown): void {
    this.failures.push(error);
    this.cancel(error);
  }

  /** What the interrupted function is told: as an abort signal is asked. */
  get reason(): CancelledError {
    return Object.assign(new CancelledError(this.cancellation), { scope: this });
  }

  /** Runs the function, then waits for every child, whatever happens. */
  run<R>(fn: (scope: Scope) => R): R {
    let result: R | undefined;
    try {
      result = this.runBody(fn);
    } catch (error) {
      // Ended by ourselves it has done what it was told, and what it was ended for is what counts.
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

  private runBody<R>(fn: (scope: Scope) => R): R {
    const number = native.signalEnter();
    if (number < 0) fail(number, 'scope');
    openScopes[number] = this;
    this.body = number;
    try {
      return fn(this);
    } finally {
      this.body = -1;
      openScopes[number] = undefined;
      native.scopeLeave();
    }
  }

  private awaitChildren(): void {
    while (this.children.size > 0) this.idle.park(ParkKind.scope, 'scope', undefined, this);
  }
}

/**
 * Runs `fn`, and returns what it returns when every coroutine that it has spawned through its argument is done: none can
 * be forgotten, none outlives the call. Parks.
 *
 *     const [a, b] = scope((s) => {
 *       const first = s.spawn(() => fetchPage(1));
 *       const second = s.spawn(() => fetchPage(2));
 *       return [first.join(), second.join()];
 *     });
 *
 * The first failure, of a coroutine or of `fn`, cancels the others; all of them are awaited (what they do in `shield` is
 * done to its end), then it is thrown. If more went wrong on the way, a ScopeFailedError is thrown with all of it in
 * `errors`; the CancelledErrors that the scope itself caused do not count, nor does a coroutine that somebody has
 * cancelled. When the caller is cancelled, or its time is up, so are the scope's coroutines, and they are awaited.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), ScopeFailedError (`ERR_SCOPE_FAILED`), whatever failed,
 *   CancelledError (`ERR_CANCELLED`) after `scope.cancel`
 */
export function scope<R>(fn: (scope: Scope) => R): R {
  functionOf('fn', fn);
  if (!current()) throw new NotInCoroutineError('scope');
  checkpoint('scope');
  return new Family().run(fn);
}
