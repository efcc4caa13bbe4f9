import { constants, performance, PerformanceObserver } from 'node:perf_hooks';
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

import { native } from '../../internal/native.js';

/** What is measured of this thread. Times in milliseconds, all of them sums since some moment. */
export interface Meters {
  now: () => number;
  /** For how long the thread had nothing to do. */
  idle: () => number;
  /** How many coroutines are ready. */
  ready: () => number;
  /** Jobs of the pool that are done, how long they waited for a thread, and how long they kept one. */
  pool: () => { jobs: number; waited: number; served: number };
  /** Full collections, the time of all, and the part of its limit that memory had come to after the last full one. */
  memory: () => { full: number; collecting: number; live: number };
  stop: () => void;
}

/** Full collections are also those that end incremental marking. */
const FULL = constants.NODE_PERFORMANCE_GC_MAJOR;

/** The memory that the process may have: its control group's, or the machine's. */
function mostMemory(): number {
  const constrained = (process as { constrainedMemory?: () => number | undefined }).constrainedMemory?.() ?? 0;
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem();
}

/** The heap's part of its limit, or that of everything in the process's, whichever is nearer. */
function memoryLevel(most: number): number {
  const { used_heap_size: used, heap_size_limit: limit, external_memory: external } = getHeapStatistics();
  return Math.max(used / limit, (used + external) / most);
}

export function metersOfThread(): Meters {
  const most = mostMemory();
  const pool = new Float64Array(4);
  const memory = { full: 0, collecting: 0, live: memoryLevel(most) };
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      memory.collecting += entry.duration;
      if ((entry as unknown as { detail: { kind: number } }).detail.kind !== FULL) continue;
      memory.full++;
      memory.live = memoryLevel(most);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  native.meterPool(true);
  return {
    now: () => performance.now(),
    idle: () => performance.eventLoopUtilization().idle,
    ready: native.readyLength,
    pool() {
      native.poolMeter(pool);
      return { jobs: pool[0]!, waited: pool[1]!, served: pool[2]! };
    },
    memory: () => memory,
    stop() {
      observer.disconnect();
      native.meterPool(false);
    },
  };
}
