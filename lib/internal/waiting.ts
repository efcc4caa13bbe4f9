import type { Coroutine } from '../coroutine/coroutine.js';
import { nameOf } from './names.js';

/**
 * An object on which a wait can be ended only by other coroutines of this thread: a lock, a channel, another coroutine. A
 * wait without one (for a promise, a socket, a timer) counts as one that something else may end at any time.
 */
export interface Waitable {
  /** Its name in reports, such as `Mutex #3`; read only for a report. @internal */
  readonly label: string;
  /**
   * The coroutines that must all act before a wait for it can end. Absent or undefined: any coroutine could end it (a
   * channel, an event).
   * @internal
   */
  heldBy?(): Coroutine | readonly Coroutine[] | undefined;
}

/** How many coroutines a message names. */
export const MOST_NAMED = 20;

export function holdersOf(object: Waitable): readonly Coroutine[] | undefined {
  const holders = object.heldBy?.();
  return holders === undefined || Array.isArray(holders) ? (holders as Coroutine[] | undefined) : [holders as Coroutine];
}

/** `Mutex #3 held by #7 writer`; of a coroutine, which is its own holder, only the label. */
export function describeWaitable(object: Waitable): string {
  const holders = holdersOf(object);
  if (!holders) return object.label;
  if (holders.length === 0) return `${object.label}, not held`;
  if ((holders[0] as unknown) === object) return object.label;
  const named = holders.slice(0, MOST_NAMED).map((c) => (c.state === 'done' ? `${nameOf(c)}, which is done` : nameOf(c)));
  return `${object.label} held by ${named.join(' and ')}${holders.length > MOST_NAMED ? ' …' : ''}`;
}
