import { keepingAlive, waitAsync } from '../async/wait_async.js';
import { ParkKind } from '../internal/kinds.js';
import { parkShown } from '../internal/park_details.js';
import { Waiter } from '../internal/parking.js';
import { cancellationPoint } from './cancellation.js';
import { nextId } from './thread_ids.js';
import type { Core } from './thread_object.js';

const ID = 0;
const DESTROYED = 1;
/** Counts the changes that threads wait for. */
const CHANGES = 2;
/** How many threads hold it or wait for it, in the objects that need to know. */
const USERS = 3;
/** The first word that is the object's own. */
export const OWN = 4;

/**
 * The words in shared memory of an object that threads of several workers share. A thread that waits is a coroutine of its worker, parked
 * on `Atomics.waitAsync`, so its worker goes on.
 *
 * A change that may let a thread go on is announced to all that wait, and each tries again. So no announcement is lost with a thread
 * that was cancelled, or whose worker ended, between being woken and running.
 */
export abstract class SharedCore implements Core {
  readonly words: Int32Array;

  /** @param own how many words of its own the object has, or the words of one that was made elsewhere */
  constructor(own: number | Int32Array) {
    if (typeof own !== 'number') {
      this.words = own;
      return;
    }
    this.words = new Int32Array(new SharedArrayBuffer((OWN + own) * 4));
    this.words[ID] = nextId();
  }

  get id(): number {
    return this.words[ID]!;
  }

  get destroyed(): boolean {
    return Atomics.load(this.words, DESTROYED) !== 0;
  }

  set destroyed(value: boolean) {
    Atomics.store(this.words, DESTROYED, Number(value));
  }

  get busy(): boolean {
    return Atomics.load(this.words, USERS) > 0;
  }

  /** Runs `wait`; the object is busy meanwhile. */
  protected whileBusy(wait: () => void): void {
    Atomics.add(this.words, USERS, 1);
    try {
      wait();
    } finally {
      Atomics.sub(this.words, USERS, 1);
    }
  }

  /** Parks until `attempt` returns true; it is tried again after each change. */
  protected waitUntil(operation: string, attempt: () => boolean): void {
    cancellationPoint(operation);
    for (let changes = this.changes; !attempt(); changes = this.changes) this.waitForChange(operation, changes);
  }

  protected get changes(): number {
    return Atomics.load(this.words, CHANGES);
  }

  /** Parks until there was a change since the count of them was `changes`, or it was announced to this thread for another reason. */
  protected waitForChange(operation: string, changes: number): void {
    cancellationPoint(operation);
    const begun = waitAsync(this.words, CHANGES, changes);
    if (!begun.async) return;
    const waiter = new Waiter(operation);
    void begun.value.then(() => waiter.wake());
    try {
      keepingAlive(() => { parkShown(waiter, ParkKind.other, operation); });
    } catch (error) {
      // V8 still lists this wait, and it may have taken an announcement that was for one thread only.
      this.announce();
      throw error;
    }
  }

  /** Lets `threads` of the waiting threads, all if absent, try again. */
  protected announce(threads?: number): void {
    Atomics.add(this.words, CHANGES, 1);
    Atomics.notify(this.words, CHANGES, threads);
  }
}
