import { performance } from 'node:perf_hooks';

import { coroutines } from '../internal/current.js';
import { native } from '../internal/native.js';
import { admissionReport, type AdmissionStats } from '../schedule/admission/report.js';
import { recordsSpawnSites, spawnSites, type SpawnSite } from './spawn_site.js';

/** Counters of this thread's runtime. Sizes in bytes, times in milliseconds. */
export interface RuntimeStats {
  /** Coroutines that are not done. */
  live: number;
  /** The highest number of `live` so far. */
  peak: number;
  /** Length of the run queue. */
  ready: number;
  /** Coroutines spawned so far. */
  spawned: number;
  /** Coroutines that are done. */
  finished: number;
  /** Switches between stacks, the main stack included. */
  switches: number;
  /** How often a coroutine has parked. */
  parks: number;
  /** How often the kernel was asked for events of sockets. */
  polls: number;
  /** How often a coroutine was preempted because its time slice was over. */
  preemptions: number;
  /** Coroutines that wait for a socket, a timer or the disk, and so keep the process alive. */
  externalWaits: number;
  /** Sockets that are open, listeners and connections of servers included. */
  openSockets: number;
  /** File operations that threads of the pool have not finished. */
  diskJobs: number;
  /** Armed timers: sleeps, time limits, timeouts of connections. */
  timers: number;
  /** How late the last timers fired, in other words how long other code held the thread. */
  loopLag: number;
  /** The latest that any timer has fired. */
  loopLagMax: number;
  /** The share of time, 0 to 1, in which the event loop was not idle, since it started. */
  loopUtilization: number;
  /** How often code held the thread longer than the watchdog's limit; 0 without a watchdog. */
  holds: number;
  /** Stacks of coroutines that are not done. */
  stacksLive: number;
  /** Stacks that are kept for the next coroutines. */
  stacksPooled: number;
  /** Quiet stacks: scavenges skip them, because they refer to no object that one could move. */
  stacksQuiet: number;
  /** Address space of this thread's stacks. */
  stackBytesReserved: number;
  /** How much of it was in memory when last measured. */
  stackBytesResident: number;
  /** How much was given back to the kernel since the start, because stacks had been shallow for a while. */
  stackBytesGivenBack: number;
  /** Memory of all threads' stacks. */
  stackMemoryUsed: number;
  /** The limit of `stackMemoryUsed`: `configure({ stackMemory })`. */
  stackMemoryBudget: number;
  /** Deepest stack first; empty unless `configure({ spawnSites: true })`. */
  spawnSites: SpawnSite[];
  /** What is short, and who is held back for it; undefined unless `configure({ admission })` is on. */
  admission: AdmissionStats | undefined;
}

/**
 * The counters of this thread's runtime.
 *
 * @example
 * ```ts
 * import { spawn, stats } from 'stackful';
 *
 * const before = stats().finished;
 * await spawn(() => undefined);
 * console.log(stats().finished - before); // 1
 * ```
 */
export function stats(): RuntimeStats {
  const counters = native.stats() as unknown as RuntimeStats;
  counters.loopUtilization = performance.eventLoopUtilization().utilization;
  counters.spawnSites = recordsSpawnSites ? spawnSites(coroutines()) : [];
  counters.admission = admissionReport.of();
  return counters;
}
