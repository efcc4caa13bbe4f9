import { wait } from '../async/wait.js';
import { waitEach } from '../async/wait_each.js';
import type { BodyPart } from './response.js';

/** Node's streams are ended by `destroy`, because their iterators only end between two parts. */
interface Destroyable {
  destroy(): void;
}

const isNodeStream = (source: object): source is Destroyable => typeof (source as Partial<Destroyable>).destroy === 'function';
const isWebStream = (source: object): source is ReadableStream => typeof (source as Partial<ReadableStream>).getReader === 'function';

/** The parts of an asynchronous source; each step parks. A loop that is left early ends the source, also during a part. */
export function inStep(source: AsyncIterable<BodyPart>): Iterable<BodyPart> {
  return isWebStream(source) ? readWebStream(source as ReadableStream<BodyPart>) : iterate(source);
}

/** The parts of either kind of source; see {@link inStep}. */
export function partsIn(source: Iterable<BodyPart> | AsyncIterable<BodyPart>): Iterable<BodyPart> {
  return Symbol.iterator in source ? source : inStep(source);
}

function* iterate(source: AsyncIterable<BodyPart>): Generator<BodyPart, void, undefined> {
  try {
    yield* waitEach(source);
  } finally {
    if (isNodeStream(source)) source.destroy();
  }
}

function* readWebStream(stream: ReadableStream<BodyPart>): Generator<BodyPart, void, undefined> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const result = wait(reader.read());
      if (result.done) {
        ended = true;
        return;
      }
      yield result.value;
    }
  } finally {
    // A failing `cancel` does not matter: no part is needed any more.
    if (!ended) reader.cancel().catch(() => undefined);
  }
}

/**
 * Ends a source of which nothing is sent. It may park for the first part, because a generator that has not begun has no
 * `finally` to run. Never throws, so that the caller's error is not replaced.
 */
export function discard(source: unknown): void {
  if (typeof source !== 'object' || source === null || ArrayBuffer.isView(source)) return;
  try {
    if (isNodeStream(source)) {
      source.destroy();
    } else if (isWebStream(source)) {
      source.cancel().catch(() => undefined);
    } else {
      const parts = Symbol.asyncIterator in source ? inStep(source as AsyncIterable<BodyPart>) : (source as Iterable<unknown>);
      for (const _ of parts) break;
    }
  } catch {
    // The source was told to end, which is enough.
  }
}
