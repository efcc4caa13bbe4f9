import { setDefaultStackSize } from './coroutine.js';
import { setDeadlockMode, type DeadlockMode } from './deadlock.js';
import { booleanOf, integerIn, numberIn, oneOf } from './internal/arguments.js';
import { native } from './internal/native.js';
import { stackSizeOf } from './internal/stacks.js';
import { schedulingPolicy, type PolicyName, type SchedulingPolicy } from './policy.js';
import { setRecordSpawnSites } from './spawn_site.js';
import { setDefaultTimeSlice } from './time_slice.js';
import {
  checkDumpSignal,
  checkWatchdog,
  setDumpSignal,
  setWatchdog,
  type DumpSignal,
  type WatchdogOptions,
} from './watchdog.js';

/** Slots are numbered in 31 bits. */
const MOST_COROUTINES = 2 ** 31 - 1;

/** What {@link configure} can set; whatever is absent stays as it is. */
export interface Configuration {
  /** Stack size, in bytes, of coroutines spawned without a `stackSize`. Default 256 KiB. */
  stackSize?: number;
  /**
   * How many bytes of memory the stacks of all coroutines of the process may use, those of worker threads included: their
   * resident pages and 704 bytes of state each. Past it `spawn` throws `ERR_STACK_MEMORY`; who runs already goes on, and
   * may deepen. What finished coroutines leave is given back first. Default: the memory of the machine, or of the
   * process's control group.
   */
  stackMemory?: number;
  /** How many coroutines may be alive in this thread; past it `spawn` throws `ERR_TOO_MANY_COROUTINES`. Default: any number. */
  maxCoroutines?: number;
  /**
   * Records where coroutines are spawned, and how deep their stacks get, for `stats().spawnSites`, `dump()`,
   * `Coroutine.spawnSite` and the `stack` of errors that leave them. Costs some microseconds a coroutine. Default false; setting it forgets what was recorded.
   */
  spawnSites?: boolean;
  /** What happens when coroutines wait for each other and nobody else can wake them. Default `'report'`. */
  deadlock?: DeadlockMode;
  /**
   * Who runs next: a policy by name, or one of your own. Takes effect at once, for the coroutines there are as well.
   * Default `'fifo'`.
   */
  schedulingPolicy?: PolicyName | SchedulingPolicy;
  /**
   * How long coroutines may run, in milliseconds, before Node's own loop (timers, promises, other sockets) gets its turn, if
   * there are always some that are ready. A coroutine that does not park is not interrupted by it. Default 4.
   */
  batchBudget?: number;
  /** Reports whoever holds this thread longer than a limit, with its stack, while it does. Default false. */
  watchdog?: WatchdogOptions | false;
  /**
   * A signal that makes every thread of the process print `dump()` to stderr, busy or not: `kill -USR2 PID`. Handlers that
   * others installed for it before are still called. Default false.
   */
  dumpSignal?: DumpSignal | false;
  /**
   * How long coroutines spawned without a `timeSlice` may compute without waiting, in milliseconds (1 to 5000), before
   * others run. 0, the default: as long as they like.
   */
  timeSlice?: number;
}

const MOST_BUDGET_MS = 1000;

/**
 * Sets this thread's defaults, and the process's where it says so. Except where it says otherwise, that affects coroutines
 * spawned from now on.
 *
 * @throws RangeError (`ERR_OUT_OF_RANGE`) for a value outside its limits, TypeError (`ERR_INVALID_ARG_TYPE`,
 *   `ERR_INVALID_ARG_VALUE`); nothing is changed then
 */
export function configure(options: Configuration): void {
  if (options.deadlock !== undefined) oneOf('options.deadlock', options.deadlock, ['throw', 'report', 'off']);
  if (options.batchBudget !== undefined) numberIn('options.batchBudget', options.batchBudget, 0, MOST_BUDGET_MS);
  const { schedulingPolicy: policy, stackMemory, maxCoroutines } = options;
  if (stackMemory !== undefined) numberIn('options.stackMemory', stackMemory, 0, Infinity);
  if (maxCoroutines !== undefined && maxCoroutines !== Infinity)
    integerIn('options.maxCoroutines', maxCoroutines, 1, MOST_COROUTINES);
  const setPolicy = policy === undefined ? undefined : schedulingPolicy('options.schedulingPolicy', policy);
  if (options.watchdog !== undefined) checkWatchdog('options.watchdog', options.watchdog);
  if (options.dumpSignal !== undefined) checkDumpSignal('options.dumpSignal', options.dumpSignal);
  if (options.spawnSites !== undefined) booleanOf('options.spawnSites', options.spawnSites);
  const stackSize = options.stackSize === undefined ? undefined : stackSizeOf('options.stackSize', options.stackSize);
  // The last thing that can fail.
  if (options.timeSlice !== undefined) setDefaultTimeSlice('options.timeSlice', options.timeSlice);
  if (stackSize !== undefined) setDefaultStackSize(stackSize);
  if (options.deadlock !== undefined) setDeadlockMode(options.deadlock);
  if (options.batchBudget !== undefined) native.setBatchBudget(options.batchBudget);
  if (stackMemory !== undefined) native.setStackMemory(Math.min(stackMemory, Number.MAX_SAFE_INTEGER));
  if (maxCoroutines !== undefined) native.setMaxCoroutines(Math.min(maxCoroutines, MOST_COROUTINES));
  setPolicy?.();
  if (options.watchdog !== undefined) setWatchdog(options.watchdog);
  if (options.dumpSignal !== undefined) setDumpSignal(options.dumpSignal);
  if (options.spawnSites !== undefined) setRecordSpawnSites(options.spawnSites);
}
