import { booleanOf, integerIn, numberIn, oneOf } from '../internal/arguments.js';
import { native } from '../internal/native.js';
import { knownOptions } from '../internal/options.js';
import { setDeadlockMode, type DeadlockMode } from '../observe/deadlock.js';
import { setRecordSpawnSites } from '../observe/spawn_site.js';
import {
  checkDumpSignal,
  checkWatchdog,
  setDumpSignal,
  setWatchdog,
  type DumpSignal,
  type WatchdogOptions,
} from '../observe/watchdog.js';
import { checkAdmission, setAdmission, type AdmissionOptions } from '../schedule/admission.js';
import { schedulingPolicy, type PolicyName, type SchedulingPolicy } from '../schedule/policy.js';
import { setAllowance, setPatience } from '../schedule/policy_in_force.js';
import { setDefaultTimeSlice } from '../schedule/time_slice.js';
import { setDefaultStackSize, stackSizeOf } from './stacks.js';

/** Slots are numbered in 31 bits. */
const MOST_COROUTINES = 2 ** 31 - 1;

/** The settings of {@link configure}; an absent one keeps its value. */
export interface Configuration {
  /** Stack size, in bytes, of coroutines spawned without a `stackSize`. Default 256 KiB. */
  stackSize?: number;
  /**
   * How many bytes of memory the stacks of all coroutines of the process may use, those of worker threads included: their
   * resident pages and 704 bytes of state each. Past it, memory of finished coroutines is given back first; then `spawn`
   * throws `ERR_STACK_MEMORY`. Live coroutines go on, and their stacks may grow. Default: the memory of the machine, or of
   * the process's control group.
   */
  stackMemory?: number;
  /** How many coroutines may be alive in this thread; past it `spawn` throws `ERR_TOO_MANY_COROUTINES`. Default: any number. */
  maxCoroutines?: number;
  /**
   * Records where coroutines are spawned, and how deep their stacks get, for `stats().spawnSites`, `dump()`,
   * `Coroutine.spawnSite` and the `stack` of errors that leave them. It costs some microseconds a coroutine. Changing it
   * discards the records. Default false.
   */
  spawnSites?: boolean;
  /** What happens when coroutines wait for each other and nothing else can wake them. Default `'report'`. */
  deadlock?: DeadlockMode;
  /**
   * Which coroutine runs next: a policy by name, or one of your own. It takes effect at once, for live coroutines as well.
   * Default `'fifo'`.
   */
  schedulingPolicy?: PolicyName | SchedulingPolicy;
  /**
   * Under `'bvt'`: how long a coroutine that gives way may go on before another one whose turn has come, in milliseconds of one
   * whose weight is 1. More means fewer switches, and longer waits. Default 0.
   */
  bvtAllowance?: number;
  /**
   * Under `'srpt'`: how much a long job can lose against short ones, in milliseconds. One that is ready goes before all that become
   * ready twice as much later. Default 5000.
   */
  srptPatience?: number;
  /**
   * How long a batch of coroutines may run, in milliseconds, before Node's own loop (timers, promises, other sockets) runs,
   * while some are always ready. It does not interrupt a coroutine that does not park. Default 4.
   */
  batchBudget?: number;
  /** Reports code that holds this thread longer than a limit, with its stack, while it does. Default false. */
  watchdog?: WatchdogOptions | false;
  /**
   * A signal that makes every thread of the process print `dump()` to stderr, busy or not: `kill -USR2 PID`. Handlers
   * installed for it before are still called. Default false.
   */
  dumpSignal?: DumpSignal | false;
  /**
   * How long coroutines spawned without a `timeSlice` may compute without waiting, in milliseconds (1 to 5000), before
   * others run. Default 0: no limit.
   */
  timeSlice?: number;
  /**
   * Resource-aware admission: when the processor, the pool of threads, memory or descriptors are short, coroutines are held back at the
   * edges that use what is short, and those that have begun go on. Requests of HTTP servers are held back before their handlers, by
   * route with `router()`; calls of {@link admit} before their functions; `open`, `connect` and `accept` while there are hardly any
   * descriptors left. `true`: with the defaults of {@link AdmissionOptions}. `stats().admission` shows it. Default false.
   */
  admission?: boolean | AdmissionOptions;
}

const MOST_BUDGET_MS = 1000;
const MOST_PATIENCE_MS = 3_600_000;
const KNOWN = new Set<keyof Configuration>([
  'stackSize',
  'stackMemory',
  'maxCoroutines',
  'spawnSites',
  'deadlock',
  'schedulingPolicy',
  'bvtAllowance',
  'srptPatience',
  'batchBudget',
  'watchdog',
  'dumpSignal',
  'timeSlice',
  'admission',
]);

/**
 * Sets this thread's defaults; an option sets the process's where its description says so. An option affects coroutines
 * spawned from now on, unless its description says otherwise. If `configure` throws, it has changed nothing.
 *
 * @throws RangeError (`ERR_OUT_OF_RANGE`) for a value outside its limits, TypeError (`ERR_INVALID_ARG_TYPE`,
 *   `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`)
 *
 * @example
 * ```ts
 * import { configure, spawn } from 'stackful';
 *
 * configure({ stackSize: 1024 * 1024, maxCoroutines: 10_000, spawnSites: true });
 * const coroutine = spawn(() => 'done');
 * console.log(coroutine.spawnSite !== undefined); // true
 * ```
 */
export function configure(options: Configuration): void {
  knownOptions('configure', options, KNOWN);
  if (options.deadlock !== undefined) oneOf('options.deadlock', options.deadlock, ['throw', 'report', 'off']);
  if (options.bvtAllowance !== undefined) numberIn('options.bvtAllowance', options.bvtAllowance, 0, MOST_BUDGET_MS);
  if (options.srptPatience !== undefined) numberIn('options.srptPatience', options.srptPatience, 0, MOST_PATIENCE_MS);
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
  if (options.admission !== undefined) checkAdmission('options.admission', options.admission);
  // No call after this one can throw.
  if (options.timeSlice !== undefined) setDefaultTimeSlice('options.timeSlice', options.timeSlice);
  if (stackSize !== undefined) setDefaultStackSize(stackSize);
  if (options.deadlock !== undefined) setDeadlockMode(options.deadlock);
  if (options.batchBudget !== undefined) native.setBatchBudget(options.batchBudget);
  if (stackMemory !== undefined) native.setStackMemory(Math.min(stackMemory, Number.MAX_SAFE_INTEGER));
  if (maxCoroutines !== undefined) native.setMaxCoroutines(Math.min(maxCoroutines, MOST_COROUTINES));
  if (options.bvtAllowance !== undefined) setAllowance(options.bvtAllowance);
  if (options.srptPatience !== undefined) setPatience(options.srptPatience);
  setPolicy?.();
  if (options.watchdog !== undefined) setWatchdog(options.watchdog);
  if (options.dumpSignal !== undefined) setDumpSignal(options.dumpSignal);
  if (options.admission !== undefined) setAdmission(options.admission);
  if (options.spawnSites !== undefined) setRecordSpawnSites(options.spawnSites);
}
