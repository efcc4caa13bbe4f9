/// <reference types="node" preserve="true" />
/**
 * Coroutines: starting them, waiting, ending waits early, what they share, and reports on them. Calls that *park* stop only the
 * coroutine that makes them; outside a coroutine they throw NotInCoroutineError (`ERR_NOT_IN_COROUTINE`).
 *
 * @module stackful
 */

export { EmitterClosedError } from './async/errors.js';
export { offload } from './async/offload.js';
export { wait, type WaitOptions } from './async/wait.js';
export { waitCallback } from './async/wait_callback.js';
export { waitEach } from './async/wait_each.js';
export { waitOnce } from './async/wait_once.js';
export { waitSignal } from './async/wait_signal.js';
export { atomic } from './coroutine/atomic.js';
export { configure, type Configuration } from './coroutine/configure.js';
export { Coroutine, spawn, type CoroutineState, type SpawnOptions, type StackUse } from './coroutine/coroutine.js';
export { CoroutineLocal } from './coroutine/coroutine_local.js';
export { currentSignal } from './coroutine/current_signal.js';
export {
  AtomicSectionError,
  CancelledError,
  CannotParkError,
  NotInCoroutineError,
  ScopeEndedError,
  ScopeFailedError,
  StackMemoryError,
  TerminatedError,
  TimeoutError,
  TooManyCoroutinesError,
} from './coroutine/errors.js';
export { scope, type Scope } from './coroutine/scope.js';
export { shield } from './coroutine/shield.js';
export { withSignal } from './coroutine/signal.js';
export { every } from './coroutine/every.js';
export { sleep, yieldNow } from './coroutine/sleep.js';
export { timeout } from './coroutine/timeout.js';
export { coroutines, current } from './internal/current.js';
export {
  LoadedTwiceError,
  ModuleLoadingError,
  RuntimeEndedError,
  UnsupportedRuntimeError,
} from './internal/errors.js';
export type { ParkOptions } from './internal/parking.js';
export { TimeoutScope } from './internal/limits.js';
export { EndOfStreamError, ReadLimitError, SocketBrokenError, SocketClosedError } from './net/errors.js';
export type { Deadlock, DeadlockMode } from './observe/deadlock.js';
export { dump, type DumpOptions } from './observe/dump.js';
export { DeadlockError } from './observe/errors.js';
export type { SpawnSite } from './observe/spawn_site.js';
export { stats, type RuntimeStats } from './observe/stats.js';
export type { DumpSignal, Hold, WatchdogOptions } from './observe/watchdog.js';
export { admit, type AdmissionOptions, type AdmitOptions } from './schedule/admission.js';
export type { AdmissionStats, EdgeStats } from './schedule/admission/report.js';
export { AdmissionRefusedError, SchedulingPolicyError } from './schedule/errors.js';
export type { Importance } from './schedule/importance.js';
export type { PolicyName, Priority, SchedulingPolicy } from './schedule/policy.js';
export { expectWork } from './schedule/expect_work.js';
export { Pacer, type PacerOptions } from './schedule/pacer.js';
export { reportProgress, type LowImportance } from './schedule/regulation.js';
export { runQueue, type ReadyCoroutine, type RunQueue, type RunQueueOptions } from './schedule/run_queue.js';
export { BvtGroup, type BvtGroupOptions, type BvtGroupState, type BvtOptions } from './schedule/share.js';
export { softTimer } from './schedule/soft_timer.js';
export { record, type RecordOptions } from './simulate/record.js';
export { NotRecordedError, RecordingError, ReplayDivergedError, SimulationError } from './simulate/errors.js';
export {
  simulate, type Cancellation, type Exploration, type ExploreOptions, type FaultOptions, type Simulated, type SimulationOptions,
} from './simulate/simulate.js';
export { Barrier } from './sync/barrier.js';
export { Channel } from './sync/channel.js';
export { sending, type SendCase } from './sync/sending.js';
export { NoSuchChannelError, SharedChannel, type SendOptions } from './sync/shared_channel.js';
export { Condition } from './sync/condition.js';
export { ChannelClosedError, LockOwnerError, RecursiveLockError } from './sync/errors.js';
export { Event } from './sync/event.js';
export { Mutex, type MutexLock } from './sync/mutex.js';
export { ReadWriteLock } from './sync/read_write_lock.js';
export { after, otherwise, select, type Otherwise, type SelectCase, type Selected, type SelectedOf, type Timer } from './sync/select.js';
export { Semaphore } from './sync/semaphore.js';
export { WaitGroup } from './sync/wait_group.js';
