import { functionOf } from '../internal/arguments.js';
import { ThreadError } from './errors.js';
import { runningThread, type Thread } from './thread.js';

/** How often destructors run again because others have set values meanwhile: POSIX's `PTHREAD_DESTRUCTOR_ITERATIONS`. */
const DESTRUCTOR_ITERATIONS = 4;

/**
 * Thread-specific data: a variable of which every thread has a value of its own, at first undefined. (A `CoroutineLocal` of `stackful`
 * begins with the spawner's value instead.)
 *
 * Make keys at the top of a module: over workers each worker runs the module, and so has the key. A key cannot be passed to another
 * thread over workers.
 *
 * @example
 * ```ts
 * import { create, join, Key } from 'stackful/threads';
 *
 * const log = new Key<string[]>((lines) => {
 *   console.log(lines.join(', ')); // begun, done
 * });
 * await create(() => {
 *   const thread = create(() => {
 *     log.set(['begun']);
 *     log.get()!.push('done');
 *   });
 *   join(thread);
 *   console.log(log.get()); // undefined
 * });
 * ```
 */
export class Key<T = unknown> {
  private readonly destructor: ((value: T) => void) | undefined;
  private deleted = false;

  /**
   * @param destructor called at the end of a thread that `create` made with the thread's value, if that is not undefined, in that
   *   thread, after its `finally` blocks; it may park. Values that destructors set have theirs called, too, four times at most.
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`)
   */
  constructor(destructor?: (value: T) => void) {
    this.destructor = destructor === undefined ? undefined : functionOf('destructor', destructor);
  }

  /** The value of the running thread. @throws ThreadError (`EINVAL`) after `delete`, NotInCoroutineError (`ERR_NOT_IN_COROUTINE`) */
  get(): T | undefined {
    return this.thread('key.get').specifics?.get(this) as T | undefined;
  }

  /** Sets the value of the running thread. @throws as {@link get} */
  set(value: T | undefined): void {
    const thread = this.thread('key.set');
    (thread.specifics ??= new Map<object, unknown>()).set(this, value);
  }

  /** Ends the key; no destructor is called any more. @throws ThreadError (`EINVAL`) the second time */
  delete(): void {
    this.ensureUsable('key.delete');
    this.deleted = true;
  }

  private thread(operation: string): Thread {
    this.ensureUsable(operation);
    return runningThread(operation);
  }

  private ensureUsable(operation: string): void {
    if (this.deleted) throw new ThreadError(operation, 'EINVAL', 'the key has been deleted');
  }

  /** @internal */
  destroy(value: unknown): void {
    if (!this.deleted) this.destructor?.(value as T);
  }
}

/** Runs the destructors for values of the running thread. */
export function runDestructors(specifics: Map<object, unknown>): void {
  for (let round = 0; round < DESTRUCTOR_ITERATIONS && specifics.size > 0; round++) {
    const values = [...specifics] as [Key, unknown][];
    specifics.clear();
    for (const [key, value] of values) if (value !== undefined) key.destroy(value);
  }
}
