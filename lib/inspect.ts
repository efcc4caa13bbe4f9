/// <reference types="node" preserve="true" />
/**
 * What coroutines do and wait for, for people and for programs.
 *
 * @module stackful/inspect
 */

export { dump, type CoroutineInfo, type DumpOptions } from './observe/dump.js';
export { blockingGraph, recordBlocking, type BlockingGraph, type BlockingRecording } from './inspect/graph.js';
export type { BlockingPath, BlockingPoint } from './inspect/wire.js';
export { metrics, registerMetrics, type MetricsRegistry } from './inspect/metrics.js';
export { inspect, type Inspector, type InspectOptions } from './inspect/server.js';
export { spawnSiteOf } from './observe/spawn_site.js';
export { stats, type RuntimeStats } from './observe/stats.js';
