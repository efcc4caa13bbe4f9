import { functionOf } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { ThreadError } from './errors.js';
import { LocalMutex } from './local_mutex.js';
import type { MutexCore } from './mutex.js';
import { ThreadObject, type ObjectOptions } from './thread_object.js';

export interface OnceCore extends MutexCore {
  done: boolean;
}

class LocalOnce extends LocalMutex implements OnceCore {
  done = false;
}

const KNOWN = new Set(['name']);

/**
 * Something that is done once, by the first thread that comes; the others wait until it is done.
 *
 * @example
 * ```ts
 * import { create, join, Once } from 'stackful/threads';
 *
 * await create(() => {
 *   const once = new Once();
 *   const prepare = () => once.call(() => console.log('prepared')); // prepared
 *   for (const thread of [create(prepare), create(prepare)]) join(thread);
 *   console.log(once.done); // true
 * });
 * ```
 */
export class Once extends ThreadObject<OnceCore> {
  /** @throws TypeError (`ERR_UNKNOWN_OPTION`) */
  constructor(options?: ObjectOptions);
  /** For `over('workers')`. @internal */
  constructor(options: ObjectOptions, core: OnceCore);
  constructor(options: ObjectOptions = {}, core: OnceCore = new LocalOnce(options)) {
    knownOptions('Once', options, KNOWN);
    super(core, options.name);
  }

  /** Whether it is done. */
  get done(): boolean {
    return this.core.done;
  }

  /**
   * Calls `fn` if no thread has done so; waits while another does. If `fn` throws, or its thread is cancelled in it, it is as if it had
   * not been called: the next thread calls its own. Parks.
   *
   * @throws what `fn` throws; ThreadError (`EDEADLK`) inside `fn`, (`EOWNERDEAD`) when a worker ended inside `fn`, (`EINVAL`) after
   *   `destroy`; NotInCoroutineError (`ERR_NOT_IN_COROUTINE`), CancelledError (`ERR_CANCELLED`), TimeoutError (`ERR_TIMEOUT`), the
   *   signal's reason
   */
  call(fn: () => void): void {
    functionOf('fn', fn);
    const core = this.usable('once.call');
    if (core.done) return;
    if (core.mine) throw new ThreadError('once.call', 'EDEADLK', 'this thread is in the function of the same call');
    core.lock();
    try {
      if (core.done) return;
      fn();
      core.done = true;
    } finally {
      core.unlock();
    }
  }
}
