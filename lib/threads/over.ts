import { oneOf } from '../internal/arguments.js';
import { current } from '../internal/current.js';
import { Barrier } from './barrier.js';
import { cancel, exit, testCancel } from './cancellation.js';
import { Condition } from './condition.js';
import { create } from './create.js';
import { createInWorker } from './create_in_worker.js';
import { detach, join } from './joining.js';
import { Key } from './key.js';
import { Mutex } from './mutex.js';
import { Once } from './once.js';
import { ReadWriteLock } from './read_write_lock.js';
import { Semaphore } from './semaphore.js';
import { SharedBarrier } from './shared_barrier.js';
import { SharedCondition } from './shared_condition.js';
import { SharedMutex } from './shared_mutex.js';
import { SharedOnce } from './shared_once.js';
import { SharedReadWriteLock } from './shared_read_write_lock.js';
import { SharedSemaphore } from './shared_semaphore.js';
import { CANCELED } from './outcome.js';
import { equal, self, threadOf, type ThreadKind } from './thread.js';

/** The functions and classes of this module, for threads of one kind. */
export interface Threads {
  /** The kind. */
  readonly kind: ThreadKind;
  /** See {@link create}. */
  readonly create: typeof create;
  /** See {@link join}. */
  readonly join: typeof join;
  /** See {@link detach}. */
  readonly detach: typeof detach;
  /** See {@link self}. */
  readonly self: typeof self;
  /** See {@link equal}. */
  readonly equal: typeof equal;
  /** See {@link exit}. */
  readonly exit: typeof exit;
  /** See {@link cancel}. */
  readonly cancel: typeof cancel;
  /** See {@link testCancel}. */
  readonly testCancel: typeof testCancel;
  /** See {@link CANCELED}. */
  readonly CANCELED: typeof CANCELED;
  /** See {@link Key}. */
  readonly Key: typeof Key;
  /** See {@link Mutex}. */
  readonly Mutex: typeof Mutex;
  /** See {@link Condition}. */
  readonly Condition: typeof Condition;
  /** See {@link ReadWriteLock}. */
  readonly ReadWriteLock: typeof ReadWriteLock;
  /** See {@link Barrier}. */
  readonly Barrier: typeof Barrier;
  /** See {@link Semaphore}. */
  readonly Semaphore: typeof Semaphore;
  /** See {@link Once}. */
  readonly Once: typeof Once;
}

const same = { join, detach, self, equal, exit, cancel, testCancel, CANCELED, Key } as const;

const overCoroutines: Threads = { ...same, kind: 'coroutines', create, Mutex, Condition, ReadWriteLock, Barrier, Semaphore, Once };

const overWorkers: Threads = {
  ...same,
  kind: 'workers',
  create: createInWorker,
  Mutex: SharedMutex,
  Condition: SharedCondition,
  ReadWriteLock: SharedReadWriteLock,
  Barrier: SharedBarrier,
  Semaphore: SharedSemaphore,
  Once: SharedOnce,
};

/**
 * The functions and classes of this module for threads of one kind, so that one program runs over either: over `'coroutines'` they are
 * those that the module exports; over `'workers'` each thread is a coroutine in a worker of its own, and the locks are in shared memory.
 *
 * Over workers the start function has to be a module's export. Its argument and its result are copied as by `postMessage`, and so are
 * errors, which keep simple properties such as `code` and lose their class. Threads, locks and the like of `over('workers')` may be
 * anywhere in them, in plain objects, arrays, maps and sets: they arrive as what they are.
 *
 * @param kind that of the running thread if absent, so that a module of a thread need not know it; `'coroutines'` outside threads
 * @throws TypeError (`ERR_INVALID_ARG_VALUE`)
 *
 * @example
 * ```ts
 * import { writeFileSync } from 'node:fs';
 * import { create, over, type ThreadKind } from 'stackful/threads';
 *
 * writeFileSync('./add.mjs', `
 *   export default ({ mutex, sum }) => { mutex.withLock(() => { sum[0] += 1; }); };
 * `);
 * function count(kind: ThreadKind): number {
 *   const threads = over(kind);
 *   const shared = { mutex: new threads.Mutex(), sum: new Int32Array(new SharedArrayBuffer(4)) };
 *   const adders = [1, 2, 3].map(() => threads.create('./add.mjs', shared));
 *   for (const adder of adders) threads.join(adder);
 *   return shared.sum[0]!;
 * }
 * console.log(await create(() => count('coroutines'))); // 3
 * console.log(await create(() => count('workers'))); // 3
 * ```
 */
export function over(kind: ThreadKind = kindOfRunning()): Threads {
  return oneOf('kind', kind, ['coroutines', 'workers']) === 'workers' ? overWorkers : overCoroutines;
}

function kindOfRunning(): ThreadKind {
  const coroutine = current();
  return (coroutine && threadOf(coroutine)?.kind) ?? 'coroutines';
}
