import type { Channel } from './channel.js';
import { ChannelClosedError } from './errors.js';
import { NOT_READY, type CaseWaiter, type GIVES, type Selectable, type SelectWait } from './selectable.js';
import type { SharedChannel } from './shared_channel.js';

/** What both kinds of channels have for a case that sends. */
interface Sink<T> {
  put(value: T): boolean;
  selectSend?(select: SelectWait, index: number, value: T): CaseWaiter;
  listenForRoom?(): (() => void) | undefined;
}

/** Sending as a case of `select`. {@link sending} makes one. */
export class SendCase<T> implements Selectable<undefined> {
  /** @hidden */
  declare readonly [GIVES]: undefined;
  /** @internal */
  constructor(
    private readonly channel: Sink<T>,
    private readonly value: T,
  ) {
    // One of these two is how `select` learns of room.
    if (channel.selectSend) this.selectLater = (select, index) => channel.selectSend!(select, index, value);
    if (channel.listenForRoom) this.listen = () => channel.listenForRoom!();
  }

  /** @internal */
  selectNow(): undefined | typeof NOT_READY {
    return this.channel.put(this.value) ? undefined : NOT_READY;
  }

  /** @internal */
  readonly selectLater?: (select: SelectWait, index: number) => CaseWaiter;
  /** @internal */
  readonly listen?: () => (() => void) | undefined;

  /** @internal */
  selectResult(taken: unknown): undefined {
    if (taken === false) throw new ChannelClosedError('channel.send');
  }
}

/**
 * A case of `select`: it sends `value` if it is chosen.
 *
 * @example
 * ```ts
 * import { Channel, select, sending, spawn } from 'stackful';
 *
 * const busy = new Channel<string>(1);
 * const free = new Channel<string>(1);
 * busy.trySend('earlier work');
 * await spawn(() => {
 *   const { key } = select({ busy: sending(busy, 'work'), free: sending(free, 'work') });
 *   console.log(key); // free
 * });
 * ```
 */
export function sending<T>(channel: Channel<T> | SharedChannel<T>, value: T): SendCase<T> {
  return new SendCase(channel, value);
}
