import { performance } from 'node:perf_hooks';

import { coroutines } from './coroutine.js';
import { native } from './internal/native.js';
import { recordsSpawnSites, spawnSites, type SpawnSite } from './spawn_site.js';

/** Counters of this thread's runtime. Sizes in bytes, times in milliseconds. */
export interface RuntimeStats {
  /** Coroutines that are not done; `peak` is the most there have been at once. */
  live: number;
  peak: number;
  /** Length of the run queue. */
  ready: number;
  spawned: number;
  finished: number;
  /** Changes of stack, those to and from the main stack included. */
  switches: number;
  parks: number;
  polls: number;
  /** Times a coroutine was stopped because its time slice was over. */
  preemptions: number;
  /** Coroutines waiting for a socket, a timer or the disk: they keep the process alive. */
  externalWaits: number;
  openSockets: number;
  diskJobs: number;
  /** Timers that are set: sleeps, time limits, timeouts of connections. */
  timers: number;
  /** How late the timers that fired last did, and the latest that any has been: how long others held the thread. */
  loopLag: number;
  loopLagMax: number;
  /** The part of its time, 0 to 1, that the event loop was not idle, since it started. */
  loopUtilization: number;
  /** Times that somebody held the thread longer than the watchdog's limit; 0 without a watchdog. */
  holds: number;
  stacksLive: number;
  stacksPooled: number;
  /** Stacks that scavenges skip, because they refer to nothing that one could move. */
  stacksQuiet: number;
  /** Address space of this thread's stacks, and how much of it is in memory, by the last look at them. */
  stackBytesReserved: number;
  stackBytesResident: number;
  /** How much went back to the kernel because stacks had been shallow for a while, since the start. */
  stackBytesGivenBack: number;
  /** All threads' stacks together, and what `configure({ stackMemory })` allows them. */
  stackMemoryUsed: number;
  stackMemoryBudget: number;
  /** Deepest stack first; empty unless `configure({ spawnSites: true })`. */
  spawnSites: SpawnSite[];
}

/** What this thread's runtime has done so far, and holds now. */
export function stats(): RuntimeStats {
  const counters = native.stats() as unknown as RuntimeStats;
  counters.loopUtilization = performance.eventLoopUtilization().utilization;
  counters.spawnSites = recordsSpawnSites ? spawnSites(coroutines()) : [];
  return counters;
}
