import { invalidType } from '../internal/arguments.js';
import type { ParkOptions } from '../internal/parking.js';
import { wait } from './wait.js';

/**
 * The values of an async iterable (a stream, an async generator, `events.on`), for a plain loop instead of `for await`.
 * Each step parks.
 *
 * A loop that is left early, by `break` or an error, closes the iterator and waits for that. If a step is interrupted
 * (cancellation, a timeout, `signal`), the iterator is told to close, but the loop does not wait for that, because the
 * iterator's step may never end.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the
 *   signal's reason; the iterator's error
 *
 * @example
 * ```ts
 * import { Readable } from 'node:stream';
 * import { spawn, waitEach } from 'stackful';
 *
 * await spawn(() => {
 *   let text = '';
 *   for (const chunk of waitEach<string>(Readable.from(['one ', 'two']))) text += chunk;
 *   console.log(text); // one two
 * });
 * ```
 */
export function* waitEach<T>(source: AsyncIterable<T>, options?: ParkOptions): Generator<T, void, undefined> {
  const iterator = iteratorOf(source);
  let open = true;
  try {
    for (;;) {
      open = false;
      let failed = false;
      const step = iterator.next();
      // An iterator that fails is over; one whose step was interrupted has to be closed.
      step.then(undefined, () => { failed = true; });
      let result: IteratorResult<T, unknown>;
      try {
        result = wait(step, options);
      } catch (error) {
        if (!failed) iterator.return?.().then(undefined, () => undefined);
        throw error;
      }
      if (result.done) return;
      open = true;
      yield result.value;
    }
  } finally {
    if (open && iterator.return) wait(iterator.return());
  }
}

function iteratorOf<T>(source: AsyncIterable<T>): AsyncIterator<T> {
  if (typeof (source as AsyncIterable<T> | undefined)?.[Symbol.asyncIterator] !== 'function') {
    throw invalidType('source', 'an async iterable', source);
  }
  return source[Symbol.asyncIterator]();
}
