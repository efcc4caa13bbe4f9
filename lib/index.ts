export { atomic } from './atomic.js';
export { Barrier } from './barrier.js';
export { Channel, sending, type SendCase } from './channel.js';
export { Condition } from './condition.js';
export { configure, type Configuration } from './configure.js';
export { Coroutine, coroutines, current, spawn, type CoroutineState, type SpawnOptions, type StackUse } from './coroutine.js';
export type { Deadlock, DeadlockMode } from './deadlock.js';
export {
  AtomicSectionError,
  CancelledError,
  ChannelClosedError,
  CannotParkError,
  DeadlockError,
  EndOfStreamError,
  LockOwnerError,
  NotInCoroutineError,
  ReadLimitError,
  RecursiveLockError,
  SchedulingPolicyError,
  RuntimeEndedError,
  SimulationError,
  ScopeEndedError,
  ScopeFailedError,
  SocketBrokenError,
  SocketClosedError,
  StackMemoryError,
  TimeoutError,
  TooManyCoroutinesError,
  UnsupportedRuntimeError,
} from './errors.js';
export { CoroutineLocal } from './coroutine_local.js';
export { Event } from './event.js';
export { dump, type DumpOptions } from './dump.js';
export type { ParkOptions } from './internal/parking.js';
export { offload } from './offload.js';
export type { PolicyName, Priority, SchedulingPolicy } from './policy.js';
export { sleep, yieldNow } from './scheduling.js';
export { scope, type Scope } from './scope.js';
export type { SpawnSite } from './spawn_site.js';
export { shield } from './shield.js';
export { withSignal } from './signal.js';
export { stats, type RuntimeStats } from './stats.js';
export { timeout, TimeoutScope } from './timeout.js';
export { wait, type WaitOptions } from './wait.js';
export { waitCallback } from './wait_callback.js';
export { waitEach } from './wait_each.js';
export { waitOnce } from './wait_once.js';
export { Mutex, type MutexLock } from './mutex.js';
export { ReadWriteLock } from './read_write_lock.js';
export { after, otherwise, select, type Otherwise, type SelectCase, type Selected, type SelectedOf, type Timer } from './select.js';
export { Semaphore } from './semaphore.js';
export { simulate, type Cancellation, type Simulated, type SimulationOptions } from './simulate.js';
export { WaitGroup } from './wait_group.js';
export type { DumpSignal, Hold, WatchdogOptions } from './watchdog.js';
