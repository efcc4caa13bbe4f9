import { invalidType } from './internal/arguments.js';
import type { ParkOptions } from './internal/parking.js';
import { wait } from './wait.js';

/**
 * The values of an async iterable (a stream, an async generator, `events.on`), for a plain loop; as `for await` has it.
 * Each step parks.
 *
 *     for (const chunk of waitEach(process.stdin)) handle(chunk);
 *
 * A loop that is left early, by `break` or an error, closes the iterator and waits for that. If the loop's own wait is
 * ended (cancellation, a timeout, `signal`), the iterator is told to close, but not waited for: it may be in the middle of
 * a step that never ends.
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError, TimeoutError, the signal's reason; what the
 *   iterator rejects with
 */
export function* waitEach<T>(source: AsyncIterable<T>, options?: ParkOptions): Generator<T, void, undefined> {
  const iterator = iteratorOf(source);
  let open = true;
  try {
    for (;;) {
      open = false;
      let failed = false;
      const step = iterator.next();
      // Told apart here: an iterator that fails is over, one that is not waited for any longer is not.
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
