import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';

import { invalidType, invalidValue } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { parkShown } from '../internal/park_details.js';
import { checkpoint, Waiter, type ParkOptions } from '../internal/parking.js';

/** A signal that has been waited for once. */
interface Watched {
  /** It has come, and no coroutine has heard of it. */
  pending: boolean;
  readonly waiters: Set<Waiter<NodeJS.Signals>>;
}

const watched = new Map<NodeJS.Signals, Watched>();

/**
 * Waits until the process gets a signal, and returns its name. Parks.
 *
 * From the first call on, the signal no longer has its usual effect, such as to end the process: one that comes while no
 * coroutine waits for it is kept for the next call, as one, however often it comes. All coroutines that wait hear of it. Waiting
 * does not keep the process alive.
 *
 * @param signals a name, or several, of which the first to come ends the wait
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`; `ERR_UNKNOWN_SIGNAL` for no signal's
 *   name), Node's error for one that cannot be caught (`EINVAL`), an error (`ERR_WORKER_UNSUPPORTED_OPERATION`) in a worker,
 *   which gets no signals; NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError
 *   (`ERR_TIMEOUT`), the `AbortSignal`'s reason
 *
 * @example
 * ```ts
 * import { spawn, waitSignal } from 'stackful';
 *
 * const work = setInterval(() => {}, 1_000); // what keeps the process alive
 * await spawn(() => {
 *   setTimeout(() => process.kill(process.pid, 'SIGHUP'), 10);
 *   console.log(waitSignal(['SIGHUP', 'SIGTERM'])); // SIGHUP
 * });
 * clearInterval(work);
 * ```
 */
export function waitSignal(signals: NodeJS.Signals | readonly NodeJS.Signals[], options?: ParkOptions): NodeJS.Signals {
  const names = namesIn(signals);
  const self = checkpoint('waitSignal', options);
  const all = names.map((name) => watch(name));
  const come = all.findIndex(({ pending }) => pending);
  if (come >= 0) {
    all[come]!.pending = false;
    return names[come]!;
  }
  const waiter = new Waiter<NodeJS.Signals>('waitSignal', self);
  for (const { waiters } of all) waiters.add(waiter);
  try {
    return parkShown(waiter, ParkKind.other, 'waitSignal', () => `waitSignal ${names.join(', ')}`, options);
  } finally {
    for (const { waiters } of all) waiters.delete(waiter);
  }
}

function namesIn(signals: NodeJS.Signals | readonly NodeJS.Signals[]): readonly NodeJS.Signals[] {
  const names = typeof signals === 'string' ? [signals] : signals;
  if (!Array.isArray(names)) throw invalidType('signals', 'a string or an array', signals);
  if (names.length === 0) throw invalidValue('signals', 'at least one signal', signals);
  for (const name of names as unknown[]) {
    if (typeof name !== 'string') throw invalidType('signals', 'a string or an array of strings', name);
    if (!(name in constants.signals)) {
      throw Object.assign(new TypeError(`Unknown signal: ${name}`), { code: 'ERR_UNKNOWN_SIGNAL' });
    }
  }
  if (isMainThread) return names as readonly NodeJS.Signals[];
  throw Object.assign(new Error('waitSignal: a worker gets no signals'), { code: 'ERR_WORKER_UNSUPPORTED_OPERATION' });
}

function watch(name: NodeJS.Signals): Watched {
  let one = watched.get(name);
  if (!one) {
    const added: Watched = one = { pending: false, waiters: new Set() };
    process.on(name, () => {
      let heard = false;
      for (const waiter of [...added.waiters]) heard = waiter.wake(name) || heard;
      added.pending ||= !heard;
    });
    watched.set(name, added);
  }
  return one;
}
