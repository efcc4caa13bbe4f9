import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type TS from 'typescript';
import { describe, expect, it } from 'vitest';

import { analysedOf } from '../../lib/analyze/analyze.js';
import type { Fn, Site } from '../../lib/analyze/model.js';
import { loadProgram } from '../../lib/analyze/program.js';
import type { Analysed } from '../../lib/analyze/rules/rule.js';
import { loadTypeScript, ts } from '../../lib/analyze/typescript.js';

const root = realpathSync(fileURLToPath(new URL('../..', import.meta.url)));
const recorder = join(root, 'test/children/park_recorder.mjs');

interface Frame {
  file: string;
  line: number;
  column: number;
}

/** Runs a program, and returns the frames of the program's own code in each different park that it makes, innermost first. */
async function parksOf(program: string, args: readonly string[]): Promise<Frame[][]> {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-parks-'));
  const file = join(directory, 'parks');
  try {
    await new Promise<void>((resolve) => {
      const env = { ...process.env, PARKS: file };
      execFile(process.execPath, ['--expose-gc', '--import', recorder, join(root, program), ...args], { env, timeout: 60_000, cwd: directory }, () => { resolve(); });
    });
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8').trim().split('\n').map((line) => {
      const { stack } = JSON.parse(line) as { stack: string };
      return [...stack.matchAll(/at (?!async )(?:.*\()?file:\/\/(.*?):(\d+):(\d+)\)?$/gm)]
        .map(([, path, row, column]) => ({ file: path!, line: Number(row), column: Number(column) }))
        .filter((frame) => frame.file.startsWith(join(root, program.split('/').slice(0, -1).join('/'))));
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Was it predicted that the function that runs there parks, in the call that stands there? */
function isPredicted({ graph, parking, loaded }: Analysed, { file, line, column }: Frame): boolean {
  const source = loaded.program.getSourceFile(file);
  if (!source) return false;
  const position = source.getPositionOfLineAndCharacter(line - 1, column - 1);
  let fn: Fn | undefined;
  const descend = (node: TS.Node): void => {
    fn = graph.fnOf(node) ?? fn;
    ts.forEachChild(node, (child) => { if (child.getStart() <= position && position < child.end) descend(child); });
  };
  descend(source);
  // A step of a loop stands at the loop's variable.
  const beginOf = ({ node, how }: Site) => (how === 'the next step of' && ts.isForOfStatement(node.parent) ? node.parent : node).getStart();
  const there = fn?.sites.filter((site) => beginOf(site) <= position && position <= site.node.end) ?? [];
  // Of a call without a type it is known that it may run its callbacks.
  return fn!.sites.some((site) => (there.includes(site) || (site.callbackOf && there.includes(site.callbackOf))) && parking.mayPark(site));
}

const children = ['deadlock', 'net_pipe', 'net_udp', 'child_processes', 'fairness', 'async_context', 'unwinding', 'scenarios', 'watching', 'park_places', 'time_slices', 'ready_loops', 'host_loop', 'left_open'];
const programs: [string, ...string[]][] = [
  ['examples/echo.mjs'], ['examples/philosophers.mjs'], ['examples/philosophers.mjs', 'workers'], ['examples/pipeline.mjs'],
  ...children.map((name): [string] => [`test/children/${name}.mjs`]),
];

describe('every park that programs make was predicted, in each function on its stack', () => {
  const analysed = new Map<string, Analysed>();
  function analysisOf(directory: string): Analysed {
    let one = analysed.get(directory);
    if (!one) {
      loadTypeScript(root);
      analysed.set(directory, (one = analysedOf(loadProgram(join(root, directory)), false)));
    }
    return one;
  }

  let parks = 0;
  it.each(programs)('%s', async (program, ...args) => {
    const stacks = await parksOf(program, args);
    const analysis = analysisOf(program.split('/').slice(0, -1).join('/'));
    const missed = stacks.flatMap((frames) => frames.filter((frame) => !isPredicted(analysis, frame)));
    const places = missed.map(({ file, line, column }) => `${file.slice(root.length + 1)}:${String(line)}:${String(column)}`);
    parks += stacks.filter((frames) => frames.length > 0).length;
    expect([...new Set(places)]).toEqual([]);
  });

  it('and there were some', () => {
    console.log(`${String(parks)} different parks`);
    expect(parks).toBeGreaterThan(40);
  });
});
