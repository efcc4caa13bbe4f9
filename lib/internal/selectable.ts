import type { ParkKind } from './kinds.js';
import { native } from './native.js';
import { Waiter, type ParkOptions, type WaitQueue } from './parking.js';
import type { Waitable } from './waiting.js';

/** The case would have to wait. */
export const NOT_READY: unique symbol = Symbol('not ready');
/** The case is a channel that is closed and drained. */
export const CLOSED: unique symbol = Symbol('closed');

/** What `select` asks of its cases. `T` is what the case gives when it is chosen. */
export interface Selectable<T> {
  /** Does what the case is about, if that needs no waiting. @internal */
  selectNow(): T | typeof CLOSED | typeof NOT_READY;
  /** Puts a waiter into the queue of those that wait for it. A case without is asked again by {@link selectNow}. @internal */
  selectLater?(select: SelectWait, index: number): CaseWaiter;
  /** What the case gives when its waiter was woken with `value`. @internal */
  selectResult?(value: unknown): T | typeof CLOSED;
  /** A moment on the clock of `native.now()` at which the case is ready. @internal */
  readonly deadline?: number;
  /** The number of a socket that must become readable or `forWriting`. @internal */
  readonly socket?: number;
  /** @internal */
  readonly forWriting?: boolean;
}

/** The wait of a `select`, which any of its cases may end. Gives the one that did, or undefined for a socket or a time. */
export class SelectWait extends Waiter<CaseWaiter | undefined> {
  /** @param sockets pairs for `native.netSelect`; `ms` -1: no limit */
  constructor(
    private readonly sockets: Int32Array | undefined,
    private readonly ms: number,
  ) {
    super('select');
  }

  override park(kind: ParkKind, operation: string, options?: ParkOptions, object?: Waitable, number = 0): CaseWaiter | undefined {
    if (options?.signal || (!this.sockets && this.ms < 0)) return super.park(kind, operation, options, object, number);
    return this.settle(this.prepare(object) || this.parkOutside(kind, number), operation);
  }

  /** Parks for what the outside world may end. */
  private parkOutside(kind: ParkKind, number: number): number {
    const code = this.sockets ? native.netSelect(this.sockets, this.ms) : native.parkFor(kind, number, this.ms);
    return code === TIME_UP ? 0 : code;
  }
}

const TIME_UP = -110;

/** The place of a `select` in the queue of one of its cases. */
export class CaseWaiter<T = unknown> extends Waiter<T> {
  private queue: WaitQueue<T> | undefined = undefined;
  /** What it was woken with. */
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

  /** Takes its place at the end of `queue`. */
  in(queue: WaitQueue<T>): CaseWaiter {
    this.queue = queue;
    queue.push(this);
    return this;
  }

  leave(): void {
    this.queue?.remove(this);
  }
}
