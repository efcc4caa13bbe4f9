/// <reference types="node" preserve="true" />
/**
 * Threads in the style of POSIX's: starting and joining them, cancelling them, and what they share. The functions and classes here make
 * threads of coroutines; those of `over('workers')`, which are the same, of workers. Calls that *park* stop only the thread that
 * makes them; outside a coroutine they throw NotInCoroutineError (`ERR_NOT_IN_COROUTINE`).
 *
 * @module stackful/threads
 */

export { Barrier } from './threads/barrier.js';
export { cancel, exit, testCancel } from './threads/cancellation.js';
export { Condition } from './threads/condition.js';
export { create, type CreateOptions } from './threads/create.js';
export { ThreadDiedError, ThreadError, ThreadExitError, type ThreadErrorCode } from './threads/errors.js';
export { detach, join } from './threads/joining.js';
export { Key } from './threads/key.js';
export { Mutex, type MutexOptions, type MutexType } from './threads/mutex.js';
export { Once } from './threads/once.js';
export { over, type Threads } from './threads/over.js';
export { ReadWriteLock } from './threads/read_write_lock.js';
export { Semaphore } from './threads/semaphore.js';
export { CANCELED } from './threads/outcome.js';
export { equal, self, Thread, type ThreadKind } from './threads/thread.js';
export { type ObjectOptions } from './threads/thread_object.js';
