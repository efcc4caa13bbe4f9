import { types } from 'node:util';

import { withSignal } from '../coroutine/signal.js';
import { invalidType, invalidValue, outOfRange } from '../internal/arguments.js';
import { fail } from '../internal/codes.js';
import { StackfulError } from '../internal/errors.js';
import { native } from '../internal/native.js';
import { knownOptions } from '../internal/options.js';
import { checkpoint, type ParkOptions } from '../internal/parking.js';
import { EAGAIN, ENOENT, EPIPE } from '../internal/results.js';
import { checkTurn } from '../internal/turn.js';
import { Values } from './channel.js';
import { ChannelClosedError } from './errors.js';
import { CLOSED, NOT_READY, type GIVES, type Selectable } from './selectable.js';
import { SharedObject, type NameOptions } from './shared_object.js';

const DEFAULT_CAPACITY = 1024;
const SEND_OPTIONS = new Set(['signal', 'transfer']);

export interface SendOptions extends ParkOptions {
  /** ArrayBuffers in the value that move to the receiver without a copy: here they have no bytes any more. */
  transfer?: readonly ArrayBuffer[];
}

/** The handle is of no channel that any thread still has. */
export class NoSuchChannelError extends StackfulError {
  readonly code = 'ERR_NO_SUCH_CHANNEL';
  constructor() {
    super('SharedChannel.from: the buffer is no handle of a channel');
  }
}

/** What `channelReceive` returns in place of a value; its element says why. */
const NONE = new Int32Array(1);
const unused = new FinalizationRegistry((number: number) => { native.channelDrop(number); });
/** Throws what Node throws for buffers that cannot be transferred, and then none is. */
const move = (buffers: ArrayBuffer[]): ArrayBuffer[] => structuredClone(buffers, { transfer: buffers });

/**
 * Hands values from coroutines of one worker thread to those of any other, each to exactly one receiver, in the order in which they were
 * sent. Any number of threads may send and receive.
 *
 * A value arrives as a copy, made by the structured clone algorithm, as `postMessage` makes it. Not copied: `SharedArrayBuffer`s, which
 * all see, and `transfer`red `ArrayBuffer`s. Of a `Uint8Array` sent by itself only its own bytes arrive. Functions, sockets, ports and
 * other objects of Node's cannot be sent. A coroutine that waits keeps its thread alive, since another one may send. In `simulate` the
 * simulation's own coroutines may use it.
 *
 * To give a thread the channel, give it the `handle`.
 *
 * @example
 * ```ts
 * import { Worker } from 'node:worker_threads';
 * import { SharedChannel, spawn } from 'stackful';
 *
 * const numbers = new SharedChannel<number>(100);
 * const squares = new SharedChannel<number>();
 * new Worker(`
 *   import { workerData } from 'node:worker_threads';
 *   import { SharedChannel, spawn } from 'stackful';
 *   const [numbers, squares] = workerData.map((handle) => SharedChannel.from(handle));
 *   await spawn(() => {
 *     for (const n of numbers) squares.send(n * n); // ends when the channel is closed and drained
 *     squares.close();
 *   });
 * `, { eval: true, workerData: [numbers.handle, squares.handle] });
 * await spawn(() => {
 *   for (let n = 1; n <= 3; n++) numbers.send(n);
 *   numbers.close();
 *   console.log([...squares].join()); // 1,4,9
 * });
 * ```
 */
export class SharedChannel<T> extends SharedObject implements Iterable<T>, Selectable<T> {
  /** @hidden */
  declare readonly [GIVES]: T;
  /** How many values the channel keeps at most. */
  readonly capacity: number;
  /** What {@link SharedChannel.from} takes, in this thread or any other: for `workerData`, `postMessage`, or a value of a channel. */
  readonly handle: SharedArrayBuffer;
  private readonly number: number;

  /**
   * @param capacity a whole number from 1 on, or `Infinity`; 1,024 if absent. A send waits while so many values are kept
   * @throws RangeError (`ERR_OUT_OF_RANGE`), TypeError (`ERR_UNKNOWN_OPTION`, `ERR_INVALID_ARG_TYPE`)
   */
  constructor(capacity?: number, options?: NameOptions);
  /** For {@link SharedChannel.from}. @internal */
  constructor(capacity: undefined, options: NameOptions | undefined, handle: SharedArrayBuffer);
  constructor(capacity = DEFAULT_CAPACITY, options?: NameOptions, handle?: SharedArrayBuffer) {
    super(options);
    // Of whichever vm context.
    if (handle !== undefined && !types.isSharedArrayBuffer(handle)) throw invalidType('handle', 'a SharedArrayBuffer', handle);
    if (typeof capacity !== 'number') throw invalidType('capacity', 'a number', capacity);
    if (!(capacity >= 1) || (capacity !== Infinity && !Number.isSafeInteger(capacity))) {
      throw outOfRange('capacity', 'a whole number from 1 on, or Infinity', capacity);
    }
    this.number = handle ? native.channelOpen(handle) : native.channelCreate(capacity);
    if (this.number === ENOENT) throw new NoSuchChannelError();
    if (this.number < 0) fail(this.number, 'SharedChannel');
    this.capacity = handle ? native.channelState(this.number)[1] : capacity;
    this.handle = handle ?? native.channelHandle(this.number);
    unused.register(this, this.number);
  }

  /**
   * The channel that a handle stands for.
   *
   * @throws NoSuchChannelError (`ERR_NO_SUCH_CHANNEL`), TypeError (`ERR_INVALID_ARG_TYPE`)
   */
  static from<T>(handle: SharedArrayBuffer, options?: NameOptions): SharedChannel<T> {
    if ((handle as unknown) === undefined) throw invalidType('handle', 'a SharedArrayBuffer', handle);
    return new SharedChannel<T>(undefined, options, handle);
  }

  /** How many values the channel keeps now: sent and not received. */
  get length(): number {
    return native.channelState(this.number)[0];
  }

  /** Whether any thread has called {@link close}. */
  get closed(): boolean {
    return native.channelState(this.number)[2] !== 0;
  }

  /**
   * Sends a copy of a value. Parks while there is no room for it. If it throws, the value was not sent, and nothing was transferred.
   *
   * @throws ChannelClosedError (`ERR_CHANNEL_CLOSED`), also when the channel is closed meanwhile; TypeError (`ERR_NOT_CLONEABLE`) for what
   *   cannot be copied, (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`); DataCloneError for a buffer that cannot be transferred;
   *   NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason
   */
  send(value: T, options?: SendOptions): void {
    checkTurn('sharedChannel.send');
    refuseChannel(value);
    if (!options) {
      const code = native.channelSend(this.number, value);
      if (code !== 0) this.notSent(code);
      return;
    }
    const transfer = transferIn('sharedChannel.send', options);
    const send = () => {
      const code = transfer ? native.channelSendMoving(this.number, value, transfer, move) : native.channelSend(this.number, value);
      if (code !== 0) this.notSent(code);
    };
    if (options.signal) withSignal(options.signal, send);
    else send();
  }

  private notSent(code: number): never {
    if (code === EPIPE) throw new ChannelClosedError('sharedChannel.send');
    fail(code, 'sharedChannel.send');
  }

  /**
   * Sends if that needs no waiting. Never parks; callable anywhere.
   *
   * @returns whether the value was sent
   * @throws ChannelClosedError (`ERR_CHANNEL_CLOSED`), TypeError (`ERR_NOT_CLONEABLE`, `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`),
   *   DataCloneError
   */
  trySend(value: T, options?: Pick<SendOptions, 'transfer'>): boolean {
    return this.put(value, options && transferIn('sharedChannel.trySend', options));
  }

  /**
   * The next value. Parks until there is one.
   *
   * @throws ChannelClosedError (`ERR_CHANNEL_CLOSED`) when the channel is closed and drained;
   *   NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`),
   *   the signal's reason; what V8 throws where this thread has no room for the copy (a RangeError on a stack too small for its depth):
   *   then the value is lost
   */
  receive(options?: ParkOptions): T {
    const value = this.take(options);
    if (value === CLOSED) throw new ChannelClosedError('sharedChannel.receive');
    return value;
  }

  /** The next value in a `{ value }`, if there is one. Never parks; callable anywhere. */
  tryReceive(): { value: T } | undefined {
    const value = native.channelTryReceive(this.number, NONE);
    return value === NONE ? undefined : { value: value as T };
  }

  /**
   * Closes the channel for all threads: sends fail, those that wait included. Values sent before can still be received; after them,
   * receives fail. Never parks; callable anywhere; closing again does nothing.
   */
  close(): void {
    native.channelClose(this.number);
  }

  /** The values in order; a step parks like {@link receive}, and the loop ends when the channel is closed and drained. */
  [Symbol.iterator](): IterableIterator<T, undefined> {
    return new Values(this);
  }

  /** @internal */
  override about(): object {
    return { length: this.length, capacity: this.capacity, closed: this.closed };
  }

  /** Sends if that needs no waiting. @internal */
  put(value: T, transfer?: ArrayBuffer[]): boolean {
    refuseChannel(value);
    const code = native.channelTrySend(this.number, value, transfer, move);
    if (code === EAGAIN) return false;
    if (code !== 0) this.notSent(code);
    return true;
  }

  // A channel is a case of `select`: the next value.

  /** @internal */
  selectNow(): T | typeof CLOSED | typeof NOT_READY {
    const value = native.channelTryReceive(this.number, NONE);
    if (value !== NONE) return value as T;
    return NONE[0] === EPIPE ? CLOSED : NOT_READY;
  }

  /** @internal */
  listen(): (() => void) | undefined {
    return this.listenFor(false);
  }

  /** @internal */
  listenForRoom(): (() => void) | undefined {
    return this.listenFor(true);
  }

  private listenFor(room: boolean): (() => void) | undefined {
    const number = native.channelListen(this.number, room);
    if (number === EAGAIN) return undefined;
    if (number < 0) fail(number, 'select');
    return () => { native.channelUnlisten(number); };
  }

  /** @internal */
  take(options?: ParkOptions): T | typeof CLOSED {
    checkpoint('sharedChannel.receive', options);
    return options?.signal ? withSignal(options.signal, () => this.next()) : this.next();
  }

  private next(): T | typeof CLOSED {
    const value = native.channelReceive(this.number, NONE);
    if (value !== NONE) return value as T;
    const code = NONE[0]!;
    return code === EPIPE ? CLOSED : fail(code, 'sharedChannel.receive');
  }
}

function transferIn(operation: string, options: SendOptions): ArrayBuffer[] | undefined {
  knownOptions(operation, options, SEND_OPTIONS);
  const { transfer } = options;
  if (transfer === undefined) return undefined;
  if (!Array.isArray(transfer)) throw invalidType('options.transfer', 'an array of ArrayBuffers', transfer);
  const all = [...transfer as ArrayBuffer[]];
  for (const one of all) if (!types.isArrayBuffer(one)) throw invalidType('options.transfer', 'an array of ArrayBuffers', one);
  return all;
}

/** Its copy would be an object of no use. */
function refuseChannel(value: unknown): void {
  if (value instanceof SharedObject) throw invalidValue('value', "no lock or channel itself; send a SharedChannel's handle", value);
}
