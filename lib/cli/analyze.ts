import { watch, writeFileSync, type FSWatcher } from 'node:fs';

import { readFileSync } from '../internal/originals.js';
import type { AnalyzeOptions } from '../analyze/analyze.js';
import type { Finding } from '../analyze/finding.js';
import type { MeasuredPoint } from '../analyze/report/dot.js';
import { argumentsOf } from './arguments.js';
import { CliError, UsageError } from './errors.js';

const FORMATS = ['text', 'json', 'sarif'] as const;
type Format = (typeof FORMATS)[number];

/** `stackful analyze DIR`: prints findings, with exit code 1 if there are errors or warnings among them; or what it knows besides. */
export async function analyzeCommand(args: string[]): Promise<void> {
  const { values, positionals: [directory, ...others] } = argumentsOf({
    args,
    allowPositionals: true,
    options: {
      format: { type: 'string', default: 'text' },
      project: { type: 'string' },
      notes: { type: 'boolean', default: false },
      tree: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      watch: { type: 'boolean', default: false },
      main: { type: 'boolean' },
      sharding: { type: 'boolean', default: false },
      graph: { type: 'string' },
      measured: { type: 'string' },
    },
  });
  if (directory === undefined || others.length > 0) throw new UsageError('analyze: which directory?');
  if (!(FORMATS as readonly string[]).includes(values.format)) throw new UsageError(`--format ${values.format}: one of ${FORMATS.join(', ')}`);
  const { analyze } = await import('../analyze/analyze.js');
  const { AnalyzeInputError, CompilerMissingError } = await import('../analyze/errors.js');
  const { project, notes, main } = values;
  try {
    const given = { ...(project !== undefined && { project }), ...(main !== undefined && { mainInCoroutine: main }) };
    const options = { notes, ...given };
    if (values.watch) {
      const { graph, sharding, tree } = values;
      if (graph !== undefined || sharding || tree) throw new UsageError('analyze: --watch shows findings, and nothing else');
      await watchDirectory(directory, options, values.format as Format);
      return;
    }
    if (values.graph === undefined && !values.sharding && !values.tree) {
      const { cachedFindings } = await import('../analyze/cache.js');
      const findings = values.fresh ? analyze(directory, options).findings : cachedFindings(directory, options);
      process.stdout.write(await reportOf(values.format as Format, findings, directory));
      if (findings.some(({ severity }) => severity !== 'note')) process.exitCode = 1;
      return;
    }
    const analysis = analyze(directory, options);
    if (values.graph !== undefined) {
      const measured = values.measured === undefined ? [] : measuredIn(values.measured);
      const { dotReport } = await import('../analyze/report/dot.js');
      writeFileSync(values.graph, dotReport(analysis.graph(), measured));
    }
    if (values.sharding) {
      const text = analysis.shards().map(({ handlers, shares }, i) => [
        `shard ${String(i + 1)}${shares.length > 0 ? `, sharing ${shares.join(', ')}` : ''}`, ...handlers.map((handler) => `  ${handler}`), '',
      ].join('\n'));
      process.stdout.write(text.join('') || 'no handlers\n');
    }
    if (values.tree) {
      const { treeReport } = await import('../analyze/report/tree.js');
      process.stdout.write(treeReport(analysis.mayPark));
    }
  } catch (error) {
    if (error instanceof AnalyzeInputError || error instanceof CompilerMissingError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

/** How long a directory has to be quiet, in ms: editors write a file in several steps, and tools write many. */
const QUIET = 30;

/** Shows the findings, and again after each change, until the process is ended. */
async function watchDirectory(directory: string, options: AnalyzeOptions, format: Format): Promise<void> {
  const { AnalysisSession } = await import('../analyze/session.js');
  const { AnalyzeInputError } = await import('../analyze/errors.js');
  const session = new AnalysisSession(directory, options);
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let begin = performance.now();
  const show = async (): Promise<void> => {
    try {
      const { findings, files } = session.analyze();
      process.stdout.write(await reportOf(format, findings, directory));
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      process.stderr.write(`${seconds} s, ${String(files)} files, types inferred in ${String(session.inferred)}. Waiting for changes\n`);
    } catch (error) {
      // A tsconfig.json in the middle of an edit; the first time it is what the caller wrote.
      if (!(error instanceof AnalyzeInputError) || watchers.size === 0) throw error;
      process.stderr.write(`${error.message}\n`);
    }
    const wanted = new Set(session.watched);
    for (const [path, watcher] of watchers) {
      if (wanted.has(path)) continue;
      watcher.close();
      watchers.delete(path);
    }
    for (const path of wanted) {
      // A directory that is removed is an error of its watcher.
      if (!watchers.has(path)) watchers.set(path, watch(path, changed).on('error', () => { watchers.delete(path); }));
    }
  };
  const changed = (): void => {
    if (timer) clearTimeout(timer);
    else begin = performance.now();
    timer = setTimeout(() => {
      timer = undefined;
      void show();
    }, QUIET);
  };
  await show();
}

/** What `stackful inspect PID graph` has written to a file. */
function measuredIn(file: string): readonly MeasuredPoint[] {
  try {
    const { points } = JSON.parse(readFileSync(file, 'utf8')) as { points?: readonly MeasuredPoint[] };
    if (points) return points;
  } catch (error) {
    throw new CliError(`--measured ${file}: ${(error as Error).message}`, { cause: error });
  }
  throw new CliError(`--measured ${file}: not what "stackful inspect PID graph" prints`);
}

async function reportOf(format: Format, findings: readonly Finding[], directory: string): Promise<string> {
  if (format === 'json') return (await import('../analyze/report/json.js')).jsonReport(findings);
  if (format === 'text') return (await import('../analyze/report/text.js')).textReport(findings, directory);
  const { RULES } = await import('../analyze/rules.js');
  return (await import('../analyze/report/sarif.js')).sarifReport(findings, RULES, directory);
}
