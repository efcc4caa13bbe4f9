import { constants, performance, PerformanceObserver } from 'node:perf_hooks';
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

import { running } from '../../internal/current.js';
import { native } from '../../internal/native.js';

/** What is measured of this thread. Times in milliseconds, all of them sums since some moment. */
export interface Meters {
  now: () => number;
  /** For how long the thread had nothing to do. */
  idle: () => number;
  /** How many coroutines are ready. */
  ready: () => number;
  /** Threads of the pool: so few units never wait for each other there. */
  readonly threads: number;
  /** Jobs of the pool that are done, how long they waited for a thread, and how long they kept one, also by edge. */
  pool: () => { jobs: number; waited: number; served: number; servedBy: readonly number[] };
  /** What the running coroutine does now belongs to the edge of that index; -1: to none. Returns to which it belonged before. */
  charge: (edge: number) => number;
  /** Full collections, their time, and the part of its limit that memory had come to after the last. */
  memory: () => { full: number; collecting: number; live: number };
  stop: () => void;
}

/** Those that native/pool/pool.h meters; the first is for jobs of no edge. */
const EDGES = 65;
/** Full collections are also those that end incremental marking. */
const FULL = constants.NODE_PERFORMANCE_GC_MAJOR;

/** The memory that the process may have: its control group's, or the machine's. */
function mostMemory(): number {
  const constrained = (process as { constrainedMemory?: () => number | undefined }).constrainedMemory?.() ?? 0;
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem();
}

/** The young generation's part of the heap's limit, in which what lives long has no place, is at most so much with V8's defaults. */
const YOUNG_BYTES = 48 * 2 ** 20;

/** The heap's part of its limit, that of stacks in theirs, or that of everything in the process's: whichever is nearest. */
function memoryLevel(most: number): number {
  const { used_heap_size: used, heap_size_limit: limit, external_memory: external } = getHeapStatistics();
  const { stackMemoryUsed: stacks, stackMemoryBudget: budget } = native.stats() as { stackMemoryUsed: number; stackMemoryBudget: number };
  const heap = used / Math.max(limit / 2, limit - YOUNG_BYTES);
  return Math.max(heap, stacks / budget, (used + external + stacks) / most);
}

export function metersOfThread(): Meters {
  const most = mostMemory();
  const pool = new Float64Array(EDGES * 3);
  let edgeOf = new Int32Array(1024);
  let stopped = false;
  const memory = { full: 0, collecting: 0, live: memoryLevel(most) };
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if ((entry as unknown as { detail: { kind: number } }).detail.kind !== FULL) continue;
      memory.collecting += entry.duration;
      memory.full++;
      memory.live = memoryLevel(most);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  native.meterPool(edgeOf);
  return {
    now: () => performance.now(),
    idle: () => performance.eventLoopUtilization().idle,
    ready: native.readyLength,
    threads: Math.max(1, Number(process.env.STACKFUL_THREADS) || 4),
    pool() {
      native.poolMeter(pool);
      const sum = { jobs: 0, waited: 0, served: 0, servedBy: [] as number[] };
      for (let at = 0; at < pool.length; at += 3) {
        sum.jobs += pool[at]!;
        sum.waited += pool[at + 1]!;
        sum.served += pool[at + 2]!;
        if (at > 0) sum.servedBy.push(pool[at + 2]!);
      }
      return sum;
    },
    charge(edge) {
      const slot = running[0]!;
      // Units may last longer than admission, and another meter may have the pool by then.
      if (slot < 0 || (slot >= edgeOf.length && (edge < 0 || stopped))) return -1;
      if (slot >= edgeOf.length) {
        const grown = new Int32Array(2 * slot);
        grown.set(edgeOf);
        edgeOf = grown;
        native.meterPool(edgeOf);
      }
      const before = edgeOf[slot]! - 1;
      edgeOf[slot] = edge + 1;
      return before;
    },
    memory: () => memory,
    stop() {
      stopped = true;
      observer.disconnect();
      native.meterPool(undefined);
    },
  };
}
