import type { EventEmitter } from 'node:events';

import { invalidType } from './internal/arguments.js';
import { ParkKind } from './internal/kinds.js';
import { Waiter, type ParkOptions } from './internal/parking.js';

/**
 * Waits for an event, as `events.once` does: returns what its listeners get. An `'error'` event of an EventEmitter is
 * thrown, unless it is what is waited for. Parks. Leaves no listener behind, whatever ends it.
 *
 *     const [code] = waitOnce(child, 'exit');
 *
 * @throws NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError, TimeoutError, the signal's reason
 */
export function waitOnce(emitter: EventEmitter | EventTarget, event: string | symbol, options?: ParkOptions): unknown[] {
  const waiter = new Waiter('waitOnce');
  options?.signal?.throwIfAborted();
  let failure: { error: unknown } | undefined;
  let args: unknown[] = [];
  const onEvent = (...given: unknown[]) => {
    if (waiter.wake()) args = given;
  };
  const onError = (error: unknown) => {
    if (waiter.wake()) failure = { error };
  };
  const stop = listen(emitter, event, onEvent, onError);
  try {
    waiter.park(ParkKind.promise, 'waitOnce', options);
  } finally {
    stop();
  }
  if (failure) throw failure.error;
  return args;
}

/** Adds the listeners, and returns what takes them away again. */
function listen(
  emitter: EventEmitter | EventTarget,
  event: string | symbol,
  onEvent: (...args: unknown[]) => void,
  onError: (error: unknown) => void,
): () => void {
  if (isEmitter(emitter)) {
    emitter.on(event, onEvent);
    if (event !== 'error') emitter.on('error', onError);
    return () => {
      emitter.off(event, onEvent);
      emitter.off('error', onError);
    };
  }
  if (!isTarget(emitter)) throw invalidType('emitter', 'an instance of EventEmitter or EventTarget', emitter);
  const type = String(event);
  emitter.addEventListener(type, onEvent);
  return () => { emitter.removeEventListener(type, onEvent); };
}

function isEmitter(emitter: unknown): emitter is EventEmitter {
  return typeof (emitter as EventEmitter | undefined)?.on === 'function';
}

function isTarget(emitter: unknown): emitter is EventTarget {
  return typeof (emitter as EventTarget | undefined)?.addEventListener === 'function';
}
