import { ParkKind } from '../internal/kinds.js';
import { seam } from '../internal/outside.js';
import { parkShown } from '../internal/park_details.js';
import { checkpoint, WaitQueue, type ParkOptions } from '../internal/parking.js';

type Done = (error: NodeJS.ErrnoException | null, value: unknown) => void;

/** Asks Node; a simulation puts its own answers here. */
const originals = {
  query: (_operation: string, _subject: unknown, _variant: readonly unknown[], start: (done: Done) => void, done: Done): void => {
    start(done);
  },
};
let { query } = originals;
seam('dns', originals, (calls) => { ({ query } = calls); });

/** What Node's callback of a query got. */
interface Outcome {
  error: NodeJS.ErrnoException | null;
  value: unknown;
}

/** The queries under way, by what they ask for, with the coroutines that wait for the answer. */
const underWay = new Map<string, WaitQueue<Outcome>>();

/**
 * Asks a question and waits for the answer. Coroutines that ask the same while it is under way get the answer of that one query, each
 * a copy of its own. Interrupting the wait does not stop the query: others may wait for it. Parks.
 *
 * @param operation the call, as errors and `parkedOn` name it
 * @param subject the name or address that is asked about
 * @param variant whatever else makes the question another one
 * @param start begins the query; what it throws is thrown here
 */
export function ask<T>(
  operation: string,
  subject: unknown,
  variant: readonly unknown[],
  start: (done: Done) => void,
  options: ParkOptions | undefined,
): T {
  checkpoint(operation, options);
  // Of what is no name, Node says so when it is asked.
  const key = JSON.stringify([operation, typeof subject, subject, ...variant].map(String));
  let queue = underWay.get(key);
  if (!queue) {
    const asked = new WaitQueue<Outcome>();
    let outcome: Outcome | undefined;
    query(operation, subject, variant, start, (error, value) => {
      outcome = { error, value };
      if (underWay.get(key) === asked) underWay.delete(key);
      asked.wakeAll(outcome);
    });
    if (outcome) return answer(outcome);
    underWay.set(key, queue = asked);
  }
  return answer(parkShown(queue, ParkKind.lookup, operation, () => `${operation} ${String(subject)}`, options));
}

/** A copy, and for an error one with the stack of the call that throws it: the outcome is others' as well. */
function answer<T>({ error, value }: Outcome): T {
  if (error) throw Object.assign(new Error(error.message), error);
  return copyOf(value) as T;
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  return Object.prototype.toString.call(value) === '[object Object]' ? { ...(value as object) } : value;
}
