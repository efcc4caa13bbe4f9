import { shield } from '../coroutine/shield.js';
import { ParkKind } from '../internal/kinds.js';
import { parkShown } from '../internal/park_details.js';
import { seam } from '../internal/outside.js';
import { checkParking, checkpoint, Waiter } from '../internal/parking.js';

/** The last argument of node:fs's functions. */
export type Done<T> = (error: NodeJS.ErrnoException | null, value?: T) => void;

/** Makes the call; a recording puts what it gave in its place. */
const originals = {
  callNode: (_operation: string, _subject: unknown, start: (done: Done<unknown>) => void, done: Done<unknown>): void => { start(done); },
};
let { callNode } = originals;
seam('node fs', originals, (calls) => { ({ callNode } = calls); });

/** What an interruption does while Node's threads have the call, which cannot be taken back. */
interface Interrupted<T> {
  /** It changes something: the coroutine waits until it is done. */
  changes?: boolean;
  /** Gives back what it opened, when it is done after the coroutine has gone on. */
  abandoned?: (value: T) => void;
}

/**
 * Makes a call that is too rare for native code of its own: through node:fs, on Node's own threads, with Node's results and errors.
 * It costs 2 to 3 times as much as one on the pool (native/disk). Parks.
 *
 * @param operation the call, as errors and `parkedOn` name it
 * @param subject the file that `parkedOn` names
 * @param start makes the call; what it throws about arguments is thrown here
 */
export function byNode<T>(
  operation: string,
  subject: unknown,
  start: (done: Done<T>) => void,
  { changes = false, abandoned }: Interrupted<T> = {},
): T {
  const self = checkpoint(operation);
  checkParking(operation);
  const waiter = new Waiter(operation, self);
  let failure: NodeJS.ErrnoException | null = null;
  let result: T | undefined;
  callNode(operation, subject, start, (error, value) => {
    if (waiter.wake()) [failure, result] = [error, value as T];
    else if (!error) abandoned?.(value as T);
  });
  const park = () => { parkShown(waiter, ParkKind.file, operation, () => `${operation} ${String(subject)}`.trimEnd()); };
  try {
    if (changes) shield(park);
    else park();
  } catch (error) {
    // Interrupted between being woken and running.
    if (result !== undefined) abandoned?.(result);
    throw error;
  }
  if (failure as unknown) {
    // Of a callback's error the stack is empty.
    Error.captureStackTrace(failure as unknown as Error, byNode);
    throw failure as unknown as Error;
  }
  return result as T;
}
