export { atomic } from './atomic.js';
export { configure, type Configuration } from './configure.js';
export { Coroutine, coroutines, current, spawn, type CoroutineState, type SpawnOptions } from './coroutine.js';
export type { Deadlock, DeadlockMode } from './deadlock.js';
export {
  AtomicSectionError,
  CancelledError,
  CannotParkError,
  DeadlockError,
  EndOfStreamError,
  NotInCoroutineError,
  ReadLimitError,
  SocketBrokenError,
  SocketClosedError,
  StackMemoryError,
  TimeoutError,
  UnsupportedRuntimeError,
} from './errors.js';
export { dump, stats, type RuntimeStats } from './inspect.js';
export type { ParkOptions } from './internal/parking.js';
export { sleep, yieldNow } from './scheduling.js';
export { shield } from './shield.js';
export { withSignal } from './signal.js';
export { timeout, TimeoutScope } from './timeout.js';
export { wait, type WaitOptions } from './wait.js';
