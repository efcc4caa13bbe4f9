import { invalidType, outOfRange } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { checkpoint, Waiter, WaitQueue, type ParkOptions } from '../internal/parking.js';
import { ChannelClosedError } from './errors.js';
import { Fifo } from './fifo.js';
import { CaseWaiter, CLOSED, NOT_READY, type GIVES, type Selectable, type SelectWait } from './selectable.js';
import { SharedObject, type NameOptions } from './shared_object.js';

/** A coroutine that waits to send `item`; woken with true when `item` was taken, false when the channel was closed. */
class SendWaiter<T> extends Waiter<boolean> {
  constructor(readonly item: T) {
    super('channel.send');
  }
}

/** The same for a `select`. */
class SendCaseWaiter<T> extends CaseWaiter<boolean> {
  constructor(
    select: SelectWait,
    index: number,
    readonly item: T,
  ) {
    super(select, index);
  }
}

/**
 * Hands values from coroutine to coroutine, each to exactly one receiver, in the order in which they were sent.
 *
 * The channel keeps up to `capacity` values; a send waits until there is room (with capacity 0, the default, until a
 * receiver takes the value). Waiting receivers are served in order of arrival, and so are waiting senders.
 *
 * @example
 * ```ts
 * import { Channel, sleep, spawn } from 'stackful';
 *
 * const jobs = new Channel<number>(10, { name: 'jobs' });
 * const worker = spawn(() => {
 *   let sum = 0;
 *   for (const job of jobs) sum += job; // ends when the channel is closed and drained
 *   return sum;
 * });
 * await spawn(() => {
 *   for (let job = 1; job <= 4; job++) {
 *     sleep(1);
 *     jobs.send(job);
 *   }
 *   jobs.close();
 *   console.log(worker.join()); // 10
 * });
 * ```
 */
export class Channel<T> extends SharedObject implements Iterable<T>, Selectable<T> {
  /** @hidden */
  declare readonly [GIVES]: T;
  /** How many values the channel keeps at most. */
  readonly capacity: number;
  private over = false;
  private readonly kept = new Fifo<T>();
  private readonly senders = new WaitQueue<boolean>();
  private readonly receivers = new WaitQueue<T | typeof CLOSED>();

  /**
   * @param capacity a whole number, or `Infinity`
   * @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_UNKNOWN_OPTION`)
   */
  constructor(capacity = 0, options?: NameOptions) {
    super(options);
    if (typeof capacity !== 'number') throw invalidType('capacity', 'a number', capacity);
    if (!(capacity >= 0) || (capacity !== Infinity && !Number.isInteger(capacity))) {
      throw outOfRange('capacity', 'a whole number or Infinity', capacity);
    }
    this.capacity = capacity;
  }

  /** How many values the channel keeps: sent and not received. */
  get length(): number {
    return this.kept.length;
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.over;
  }

  /**
   * Sends a value. Parks while there is no room for it. If it throws, the value was not sent.
   *
   * @throws ChannelClosedError (`ERR_CHANNEL_CLOSED`), also when the channel is closed meanwhile; NotInCoroutineError
   *   (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  send(value: T, options?: ParkOptions): void {
    checkpoint('channel.send', options);
    if (this.put(value)) return;
    const taken = this.senders.park(ParkKind.channelSend, 'channel.send', options, this, 0, new SendWaiter(value));
    if (!taken) throw new ChannelClosedError('channel.send');
  }

  /**
   * The next value. Parks until there is one.
   *
   * @throws ChannelClosedError (`ERR_CHANNEL_CLOSED`) when the channel is closed and drained;
   *   NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`),
   *   the signal's reason
   */
  receive(options?: ParkOptions): T {
    const value = this.take(options);
    if (value === CLOSED) throw new ChannelClosedError('channel.receive');
    return value;
  }

  /**
   * Sends if that needs no waiting. Never parks; callable anywhere, also in event listeners.
   *
   * @returns whether the value was sent
   * @throws ChannelClosedError (`ERR_CHANNEL_CLOSED`)
   */
  trySend(value: T): boolean {
    return this.put(value);
  }

  /** The next value in a `{ value }`, if there is one. Never parks; callable anywhere. */
  tryReceive(): { value: T } | undefined {
    const value = this.selectNow();
    return value === NOT_READY || value === CLOSED ? undefined : { value };
  }

  /**
   * Closes the channel: sends fail, those that wait included. Values sent before can still be received; after them, receives
   * fail. Never parks; callable anywhere; closing again does nothing.
   */
  close(): void {
    this.over = true;
    this.senders.wakeAll(false);
    this.receivers.wakeAll(CLOSED);
  }

  /** The values in order; a step parks like {@link receive}, and the loop ends when the channel is closed and drained. */
  [Symbol.iterator](): IterableIterator<T, undefined> {
    return new Values(this);
  }

  /** @internal */
  override about(): object {
    return { length: this.length, capacity: this.capacity, closed: this.over };
  }

  /** Sends if that needs no waiting. @internal */
  put(value: T): boolean {
    if (this.over) throw new ChannelClosedError('channel.send');
    if (this.receivers.wakeOne(value)) return true;
    if (this.kept.length >= this.capacity) return false;
    this.kept.push(value);
    return true;
  }

  /** @internal */
  take(options?: ParkOptions): T | typeof CLOSED {
    checkpoint('channel.receive', options);
    const value = this.selectNow();
    if (value !== NOT_READY) return value;
    return this.receivers.park(ParkKind.channelReceive, 'channel.receive', options, this);
  }

  /** Wakes the first waiting sender, and returns its item. */
  private nextSent(): T | typeof NOT_READY {
    for (let sender = this.senders.shift(); sender; sender = this.senders.shift()) {
      if (sender.wake(true)) return (sender as SendWaiter<T>).item;
    }
    return NOT_READY;
  }

  // A channel is a case of `select`: the next value.

  /** @internal */
  selectNow(): T | typeof CLOSED | typeof NOT_READY {
    const sent = this.nextSent();
    if (this.kept.length > 0) {
      const value = this.kept.shift();
      if (sent !== NOT_READY) this.kept.push(sent);
      return value;
    }
    return sent === NOT_READY && this.over ? CLOSED : sent;
  }

  /** @internal */
  selectLater(select: SelectWait, index: number): CaseWaiter {
    return new CaseWaiter<T | typeof CLOSED>(select, index).in(this.receivers);
  }

  /** @internal */
  selectResult(value: unknown): T | typeof CLOSED {
    return value as T | typeof CLOSED;
  }

  /** @internal */
  selectSend(select: SelectWait, index: number, value: T): CaseWaiter {
    return new SendCaseWaiter(select, index, value).in(this.senders);
  }
}

/** The values of a channel in order. Not a generator: V8 cannot inline one into the loop that it serves. */
export class Values<T> implements IterableIterator<T, undefined> {
  constructor(private readonly channel: { take(): T | typeof CLOSED }) {}

  next(): IteratorResult<T, undefined> {
    const value = this.channel.take();
    return value === CLOSED ? { value: undefined, done: true } : { value, done: false };
  }

  [Symbol.iterator](): this {
    return this;
  }
}
