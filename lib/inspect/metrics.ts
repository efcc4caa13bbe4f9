import { createRequire } from 'node:module';

import { runningServers } from '../http/server.js';
import { totalsWith } from '../http/totals.js';
import type { ServerStats } from '../http.js';
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
  /** How the figures of several workers become one; by default they are added. */
  aggregator?: 'sum' | 'max' | 'average';
  collect(this: Metric): void;
}

/** Metrics as objects, which other processes can be sent. @internal */
export type Metrics = readonly {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  readonly values: readonly { readonly value: number; readonly labels: Readonly<Record<string, string>> }[];
}[];

interface JsonRegistry extends MetricsRegistry {
  getMetricsAsJSON(): Promise<Metrics>;
}

interface PromClient {
  Registry: new () => JsonRegistry;
  AggregatorRegistry: { aggregate(metrics: readonly Metrics[]): JsonRegistry };
  Gauge: new (options: MetricOptions) => unknown;
  Counter: new (options: MetricOptions) => unknown;
}

type Reading = [name: string, help: string, value: (s: RuntimeStats) => number, aggregator?: MetricOptions['aggregator']];
type ServerReading = [name: string, help: string, value: (s: ServerStats) => number];

const MS = 1e-3;

const GAUGES: readonly Reading[] = [
  ['stackful_coroutines', 'Coroutines that are not done', (s) => s.live],
  ['stackful_coroutines_peak', 'Most coroutines at once', (s) => s.peak],
  ['stackful_run_queue_length', 'Coroutines that are ready to run', (s) => s.ready],
  ['stackful_external_waits', 'Coroutines waiting for sockets, timers or files', (s) => s.externalWaits],
  ['stackful_timers', 'Armed timers', (s) => s.timers],
  ['stackful_open_sockets', 'Open sockets', (s) => s.openSockets],
  ['stackful_disk_jobs', 'File operations under way in the pool', (s) => s.diskJobs],
  ['stackful_loop_lag_seconds', 'How late the last timers fired', (s) => s.loopLag * MS, 'max'],
  ['stackful_loop_lag_max_seconds', 'How late a timer has fired at most', (s) => s.loopLagMax * MS, 'max'],
  ['stackful_loop_utilization', 'Share of time, 0 to 1, in which the event loop was not idle', (s) => s.loopUtilization, 'average'],
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

const SERVER_GAUGES: readonly ServerReading[] = [
  ['stackful_http_connections', 'Open connections of HTTP servers', (s) => s.connections],
];

const SERVER_COUNTERS: readonly ServerReading[] = [
  ['stackful_http_connections_total', 'Connections that HTTP servers have accepted', (s) => s.accepted],
  ['stackful_http_requests_total', 'Requests that HTTP servers have got', (s) => s.requests],
  ['stackful_http_requests_shed_total', 'Requests refused because they came faster than they could be answered', (s) => s.shed],
  ['stackful_http_received_bytes_total', 'Bytes that HTTP servers have received', (s) => s.bytesReceived],
  ['stackful_http_sent_bytes_total', 'Bytes that HTTP servers have sent', (s) => s.bytesSent],
];

/** Loads prom-client at the first use, so that programs without metrics do not load it. @internal */
export function promClient(): PromClient {
  return createRequire(import.meta.url)('prom-client') as PromClient;
}

/**
 * Adds the counters of `stats()`, those of all HTTP servers of this thread together, and the number of coroutines by what they are parked
 * on, to a registry of prom-client. A read of the registry reads them; between reads they cost nothing.
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
  for (const [name, help, value, aggregator = 'sum'] of GAUGES) {
    new Gauge({ name, help, registers, aggregator, collect() { this.set(value(stats())); } });
  }
  const ofServers = () => totalsWith(runningServers());
  for (const [name, help, value] of SERVER_GAUGES) {
    new Gauge({ name, help, registers, collect() { this.set(value(ofServers())); } });
  }
  for (const [name, help, value] of SERVER_COUNTERS) {
    new Counter({ name, help, registers, collect() { this.reset(); this.inc(value(ofServers())); } });
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

let ownRegistry: JsonRegistry | undefined;

function registry(): JsonRegistry {
  if (!ownRegistry) {
    ownRegistry = new (promClient().Registry)();
    registerMetrics(ownRegistry);
  }
  return ownRegistry;
}

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
  return registry().metrics();
}

/** The same as objects. @internal */
export function metricsAsJson(): Promise<Metrics> {
  return registry().getMetricsAsJSON();
}
