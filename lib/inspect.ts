export { dump, type CoroutineInfo, type DumpOptions } from './dump.js';
export { blockingGraph, type BlockingGraph } from './inspect/graph.js';
export { metrics, registerMetrics, type MetricsRegistry } from './inspect/metrics.js';
export { inspect, type Inspector, type InspectOptions } from './inspect/server.js';
export { spawnSiteOf } from './spawn_site.js';
export { stats, type RuntimeStats } from './stats.js';
