/// <reference types="node" preserve="true" />
/**
 * Who may block in a program, found in its source: what `stackful analyze` prints, as a function. Needs the package `typescript`, 5.x.
 *
 * @module stackful/analyze
 */

export { analyze, type Analysis, type AnalyzeOptions, type MayPark } from './analyze/analyze.js';
export type { StaticGraph, StaticPath, StaticPoint } from './analyze/blocking_graph.js';
export type { Shard } from './analyze/sharding.js';
export { AnalyzeInputError, CompilerMissingError } from './analyze/errors.js';
export type { Finding, Place, Severity, TraceStep } from './analyze/finding.js';
