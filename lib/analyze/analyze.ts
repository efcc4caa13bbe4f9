import { knownOptions } from '../internal/options.js';
import { staticGraph, type StaticGraph } from './blocking_graph.js';
import { buildGraph } from './call_graph.js';
import { contextsOf } from './contexts.js';
import type { Finding } from './finding.js';
import { LockMap } from './locks.js';
import { ParkingAnalysis, traceOf } from './parking.js';
import { loadProgram, runsInCoroutine, type KeptProgram, type Loaded } from './program.js';
import { RULES } from './rules.js';
import type { Analysed } from './rules/rule.js';
import { shardsOf, type Shard } from './sharding.js';
import { suppress } from './suppress.js';
import { loadTypeScript } from './typescript.js';

/** What {@link analyze} is to do. */
export interface AnalyzeOptions {
  /** The `tsconfig.json` that names the sources. Default: that of the directory; without one, all sources below the directory. */
  project?: string;
  /** The main module runs in a coroutine. Default: it does if the package's scripts use `stackful run` or `stackful/main`. */
  mainInCoroutine?: boolean;
  /** With findings that are worth knowing and no mistakes (severity `note`)? Default false. */
  notes?: boolean;
}

/** What {@link analyze} has found. */
export interface Analysis {
  /** In order of file and line. */
  findings: Finding[];
  /** How many source files were analysed. */
  files: number;
  /** How many functions they have. */
  functions: number;
  /** The functions that may park, with the call that leads there. */
  mayPark: MayPark[];
  /** The blocking graph, as far as the source tells it: the places where coroutines may park, and the code between two of them. */
  graph: () => StaticGraph;
  /** Which handlers share no mutable state of modules, and could run in different workers. */
  shards: () => Shard[];
}

/** A function that may park. */
export interface MayPark {
  /** Its name, as findings have it. */
  name: string;
  /** Where it is. */
  file: string;
  /** Its line, from 1. */
  line: number;
  /** The call in it that leads to one that parks. */
  through: string;
  /** That call's line. */
  throughLine: number;
}

const KNOWN = new Set(['project', 'mainInCoroutine', 'notes']);

/** Builds what rules and graphs work on. */
export function analysedOf(loaded: Loaded, mainInCoroutine: boolean): Analysed {
  const graph = buildGraph(loaded);
  const parking = new ParkingAnalysis(graph);
  const hard = new ParkingAnalysis(graph, { hard: true });
  return {
    loaded,
    graph,
    parking,
    hard,
    contexts: contextsOf(graph),
    locks: new LockMap(graph, loaded.checker),
    mainInCoroutine,
    trace: (reason, analysis = parking) => traceOf(reason, analysis, loaded),
  };
}

/** All findings of a program, suppressed ones left out, in order. */
export function findingsOf(analysed: Analysed): Finding[] {
  const { loaded } = analysed;
  const findings: Finding[] = [];
  for (const { name, severity, check } of RULES) {
    check(analysed, ({ node, message, trace = [] }) => {
      if (loaded.shows(node.getSourceFile())) findings.push({ rule: name, severity, message, ...loaded.placeOf(node), trace });
    });
  }
  const kept = suppress(findings, loaded, new Set(RULES.map(({ name }) => name)));
  return kept.sort((a, b) => (a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1));
}

/**
 * Analyses who may block in a program, as "Why Events Are A Bad Idea" (2003) asks of compilers: which functions may park, and where
 * that goes wrong: on the main stack, in `atomic`, between a check and the act, with locks. `stackful analyze` prints the same.
 *
 * Needs the package `typescript`, 5.x. It is done when it returns, and may take some seconds.
 *
 * @param directory with a `tsconfig.json`, or with sources: TypeScript, or JavaScript, whose types are inferred
 * @throws CompilerMissingError (`ERR_ANALYZE_COMPILER`); AnalyzeInputError (`ERR_ANALYZE_INPUT`) when there is no such directory, or
 *   no source in it; TypeError (`ERR_UNKNOWN_OPTION`)
 *
 * @example
 * ```ts
 * import { mkdtempSync, writeFileSync } from 'node:fs';
 * import { analyze } from 'stackful/analyze';
 *
 * const directory = mkdtempSync('/tmp/analyze-');
 * writeFileSync(`${directory}/late.mjs`, `setTimeout(() => { throw new Error('late'); }, 10);`);
 * const { findings, functions } = analyze(directory);
 * console.log(findings.length, functions); // 0 2
 * ```
 */
export function analyze(directory: string, options: AnalyzeOptions = {}): Analysis {
  return analyzeWithInputs(directory, options).analysis;
}

/** As {@link analyze}, with the files that were read. @internal */
export function analyzeWithInputs(
  directory: string,
  options: AnalyzeOptions,
  kept?: KeptProgram,
): { analysis: Analysis; inputs: string[] } {
  knownOptions('analyze', options, KNOWN);
  loadTypeScript(directory);
  const loaded = loadProgram(directory, options.project, kept);
  const analysed = analysedOf(loaded, options.mainInCoroutine ?? runsInCoroutine(loaded));
  const findings = findingsOf(analysed).filter(({ severity }) => options.notes === true || severity !== 'note');
  const { graph, parking } = analysed;
  const mayPark = graph.fns.flatMap((fn): MayPark[] => {
    const reason = parking.reasonOf(fn);
    if (!reason || !loaded.shows(fn.node.getSourceFile())) return [];
    const { file, line } = loaded.placeOf(fn.node);
    const [step] = traceOf(reason, parking, loaded);
    return [{ name: fn.name, file, line, through: step!.text, throughLine: step!.line }];
  });
  const analysis: Analysis = {
    findings,
    files: loaded.files.length,
    functions: graph.fns.length,
    mayPark,
    graph: () => staticGraph(analysed),
    shards: () => shardsOf(analysed),
  };
  const sources = loaded.program.getSourceFiles().map(({ fileName }) => fileName);
  const inputs = options.project === undefined ? sources : [...sources, options.project];
  return { analysis, inputs };
}
