import type { ParkKind } from '../internal/kinds.js';
import { native } from '../internal/native.js';
import { readiness } from '../internal/readiness.js';
import { Waiter, type ParkOptions, type WaitQueue } from '../internal/parking.js';
import { ETIMEDOUT } from '../internal/results.js';
import type { Waitable } from '../internal/waiting.js';

/** The result of a case that is not ready. */
export const NOT_READY: unique symbol = Symbol('not ready');
/** The result of a channel that is closed and drained. */
export const CLOSED: unique symbol = Symbol('closed');

/**
 * A key that exists in types only: `select` finds there what a case gives, and no other object passes for a case. The published
 * types have none of a case's other members.
 */
export declare const GIVES: unique symbol;

/** A case of `select`. `T` is its result. */
export interface Selectable<T> {
  readonly [GIVES]: T;
  /** Carries the case out, if that needs no waiting. @internal */
  selectNow(): T | typeof CLOSED | typeof NOT_READY;
  /** Queues a waiter for the case. If absent, `select` calls {@link selectNow} again after the wait. @internal */
  selectLater?(select: SelectWait, index: number): CaseWaiter;
  /**
   * Where other threads make the case ready: lets them wake the running coroutine, and returns what ends that; undefined: the case is
   * ready now. After the wait `select` calls {@link selectNow} again. @internal
   */
  listen?(): (() => void) | undefined;
  /** The case's result when its waiter was woken with `value`. @internal */
  selectResult?(value: unknown): T | typeof CLOSED;
  /** The time on the clock of `native.now()`, in milliseconds, from which the case is ready. @internal */
  readonly deadline?: number;
  /** The number of a socket that must become readable or `forWriting`. @internal */
  readonly socket?: number;
  /** @internal */
  readonly forWriting?: boolean;
}

/** The wait of a `select`. `park` returns the case that ended it, or undefined for a socket or a time. */
export class SelectWait extends Waiter<CaseWaiter | undefined> {
  /** @param sockets pairs for `native.netSelect`; `ms` -1: no limit; `others`: other threads may end the wait */
  constructor(
    private readonly sockets: Int32Array | undefined,
    private readonly ms: number,
    private readonly others: boolean,
  ) {
    super('select');
  }

  override park(kind: ParkKind, operation: string, options?: ParkOptions, object?: Waitable, number = 0): CaseWaiter | undefined {
    if (options?.signal || (!this.sockets && this.ms < 0 && !this.others)) return super.park(kind, operation, options, object, number);
    return this.settle(this.prepare(object) || this.parkOutside(kind, number), operation);
  }

  /** Parks for sockets, a time or other threads. */
  private parkOutside(kind: ParkKind, number: number): number {
    const code = this.sockets ? readiness.netSelect(this.sockets, this.ms) : native.parkFor(kind, number, this.ms);
    return code === ETIMEDOUT ? 0 : code;
  }
}

/** The place of a `select` in the queue of one of its cases. */
export class CaseWaiter<T = unknown> extends Waiter<T> {
  private queue: WaitQueue<T> | undefined = undefined;
  /** The value that it was woken with. */
  result: T | undefined = undefined;

  constructor(
    private readonly select: SelectWait,
    readonly index: number,
  ) {
    super('select');
  }

  override wake(value: T): boolean {
    if (!this.select.wake(this)) return false;
    this.result = value;
    return true;
  }

  override get waiting(): boolean {
    return this.select.waiting;
  }

  /** Joins the end of `queue`. */
  in(queue: WaitQueue<T>): CaseWaiter {
    this.queue = queue;
    queue.push(this);
    return this;
  }

  leave(): void {
    this.queue?.remove(this);
  }
}
