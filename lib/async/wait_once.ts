import type { EventEmitter } from 'node:events';
import { inspect } from 'node:util';

import { invalidType } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { parkShown } from '../internal/park_details.js';
import { checkpoint, Waiter, type ParkOptions } from '../internal/parking.js';
import { EmitterClosedError } from './errors.js';

/**
 * Waits for an event, as `events.once` does, and returns the arguments of its listeners. Parks. It always removes its own
 * listeners.
 *
 * It does not wait for an event that can no longer come. While it waits for another event, an EventEmitter's `'error'` is
 * thrown, and a `'close'`, or a stream that was closed before, throws an EmitterClosedError: for example a response whose
 * client left before its `'drain'`.
 *
 * @throws EmitterClosedError (`ERR_EMITTER_CLOSED`), NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError
 *   (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the signal's reason; TypeError (`ERR_INVALID_ARG_TYPE`)
 *
 * @example
 * ```ts
 * import { execFile } from 'node:child_process';
 * import { spawn, waitOnce } from 'stackful';
 *
 * await spawn(() => {
 *   const child = execFile('true');
 *   const [code] = waitOnce(child, 'exit');
 *   console.log(code); // 0
 * });
 * ```
 */
export function waitOnce(emitter: EventEmitter | EventTarget, event: string | symbol, options?: ParkOptions): unknown[] {
  const waiter = new Waiter('waitOnce', checkpoint('waitOnce', options));
  let failure: { error: unknown } | undefined;
  let args: unknown[] = [];
  const onEvent = (...given: unknown[]) => {
    if (waiter.wake()) args = given;
  };
  const onError = (error: unknown) => {
    if (waiter.wake()) failure = { error };
  };
  const onClose = () => { onError(new EmitterClosedError(kindOf(emitter), inspect(event))); };
  const stop = listen(emitter, event, onEvent, onError, onClose);
  try {
    parkShown(waiter, ParkKind.promise, 'waitOnce', () => `waitOnce ${inspect(event)} of ${kindOf(emitter)}`, options);
  } finally {
    stop();
  }
  if (failure) throw failure.error;
  return args;
}

/** Adds the listeners, and returns a function that removes them. */
function listen(
  emitter: EventEmitter | EventTarget,
  event: string | symbol,
  onEvent: (...args: unknown[]) => void,
  onError: (error: unknown) => void,
  onClose: () => void,
): () => void {
  if (isEmitter(emitter)) {
    emitter.on(event, onEvent);
    if (event !== 'error') emitter.on('error', onError);
    if (event !== 'close') {
      emitter.on('close', onClose);
      if (isClosedStream(emitter)) onClose();
    }
    return () => {
      emitter.off(event, onEvent);
      emitter.off('error', onError);
      emitter.off('close', onClose);
    };
  }
  if (!isTarget(emitter)) throw invalidType('emitter', 'an instance of EventEmitter or EventTarget', emitter);
  const type = String(event);
  emitter.addEventListener(type, onEvent);
  if (type !== 'close') emitter.addEventListener('close', onClose);
  return () => {
    emitter.removeEventListener(type, onEvent);
    emitter.removeEventListener('close', onClose);
  };
}

/** Only streams: elsewhere `closed` means something else, such as that no new stream may begin (http2). */
function isClosedStream(emitter: EventEmitter): boolean {
  const { closed, pipe } = emitter as Partial<NodeJS.ReadableStream> & { closed?: unknown };
  return closed === true && typeof pipe === 'function';
}

function kindOf(emitter: object): string {
  return (emitter.constructor as { name?: string } | undefined)?.name ?? 'emitter';
}

function isEmitter(emitter: unknown): emitter is EventEmitter {
  return typeof (emitter as EventEmitter | undefined)?.on === 'function';
}

function isTarget(emitter: unknown): emitter is EventTarget {
  return typeof (emitter as EventTarget | undefined)?.addEventListener === 'function';
}
