import { createRequire } from 'node:module';

import { census } from '../observe/dump.js';
import { stats, type RuntimeStats } from '../observe/stats.js';

/** The part of prom-client's `Registry` that is needed here. */
export interface MetricsRegistry {
  /** Adds a metric. */
  registerMetric(metric: never): void;
  /** All metrics as text. */
  metrics(): Promise<string>;
}

interface Metric {
  set(value: number): void;
  set(labels: Record<string, string>, value: number): void;
  inc(by: number): void;
  reset(): void;
}

interface MetricOptions {
  name: string;
  help: string;
  labelNames?: string[];
  registers: MetricsRegistry[];
  collect(this: Metric): void;
}

interface PromClient {
  Registry: new () => MetricsRegistry;
  Gauge: new (options: MetricOptions) => unknown;
  Counter: new (options: MetricOptions) => unknown;
}

type Reading = [name: string, help: string, value: (s: RuntimeStats) => number];

const MS = 1e-3;

const GAUGES: readonly Reading[] = [
  ['stackful_coroutines', 'Coroutines that are not done', (s) => s.live],
  ['stackful_coroutines_peak', 'Most coroutines at once', (s) => s.peak],
  ['stackful_run_queue_length', 'Coroutines that are ready to run', (s) => s.ready],
  ['stackful_external_waits', 'Coroutines waiting for sockets, timers or files', (s) => s.externalWaits],
  ['stackful_timers', 'Armed timers', (s) => s.timers],
  ['stackful_open_sockets', 'Open sockets', (s) => s.openSockets],
  ['stackful_disk_jobs', 'File operations under way in the pool', (s) => s.diskJobs],
  ['stackful_loop_lag_seconds', 'How late the last timers fired', (s) => s.loopLag * MS],
  ['stackful_loop_lag_max_seconds', 'How late a timer has fired at most', (s) => s.loopLagMax * MS],
  ['stackful_loop_utilization', 'Share of time, 0 to 1, in which the event loop was not idle', (s) => s.loopUtilization],
  ['stackful_stacks_pooled', 'Free stacks kept for new coroutines', (s) => s.stacksPooled],
  ['stackful_stack_reserved_bytes', 'Address space of stacks', (s) => s.stackBytesReserved],
];

const COUNTERS: readonly Reading[] = [
  ['stackful_coroutines_spawned_total', 'Coroutines spawned', (s) => s.spawned],
  ['stackful_coroutines_finished_total', 'Coroutines that are done', (s) => s.finished],
  ['stackful_switches_total', 'Switches between stacks', (s) => s.switches],
  ['stackful_parks_total', 'Parks of coroutines', (s) => s.parks],
  ['stackful_polls_total', 'Polls for events of sockets, timers and files', (s) => s.polls],
  ['stackful_holds_total', 'Holds that the watchdog reported', (s) => s.holds],
];

/** Loads prom-client at the first use, so that programs without metrics do not load it. */
function promClient(): PromClient {
  return createRequire(import.meta.url)('prom-client') as PromClient;
}

/**
 * Adds the counters of `stats()`, and the number of coroutines by what they are parked on, to a registry of prom-client. A
 * read of the registry reads them; between reads they cost nothing.
 *
 * @example
 * ```ts
 * import { Registry } from 'prom-client';
 * import { registerMetrics } from 'stackful/inspect';
 *
 * const registry = new Registry();
 * registerMetrics(registry);
 * console.log((await registry.metrics()).includes('stackful_')); // true
 * ```
 */
export function registerMetrics(registry: MetricsRegistry): void {
  const { Gauge, Counter } = promClient();
  const registers = [registry];
  for (const [name, help, value] of GAUGES) {
    new Gauge({ name, help, registers, collect() { this.set(value(stats())); } });
  }
  for (const [name, help, value] of COUNTERS) {
    new Counter({ name, help, registers, collect() { this.reset(); this.inc(value(stats())); } });
  }
  new Gauge({
    name: 'stackful_coroutines_by_state',
    help: 'Coroutines by state, the parked ones by what they are parked on',
    labelNames: ['state', 'parked_on'],
    registers,
    collect() {
      this.reset();
      for (const [what, count] of census()) {
        const parkedOn = /^parked on (.*)$/.exec(what)?.[1];
        this.set({ state: parkedOn === undefined ? what : 'parked', parked_on: parkedOn ?? '' }, count);
      }
    },
  });
}

let ownRegistry: MetricsRegistry | undefined;

/**
 * The same metrics in the Prometheus text format.
 *
 * @example
 * ```ts
 * import { metrics } from 'stackful/inspect';
 *
 * const text = await metrics(); // the body of an answer to Prometheus
 * console.log(text.startsWith('# HELP')); // true
 * ```
 */
export function metrics(): Promise<string> {
  if (!ownRegistry) {
    ownRegistry = new (promClient().Registry)();
    registerMetrics(ownRegistry);
  }
  return ownRegistry.metrics();
}
