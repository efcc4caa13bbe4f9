import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

import { analyze } from 'stackful/analyze';

import { dotReport } from '../../lib/analyze/report/dot.js';
import { sarifReport } from '../../lib/analyze/report/sarif.js';
import { textReport } from '../../lib/analyze/report/text.js';
import { RULES } from '../../lib/analyze/rules.js';

const lib = fileURLToPath(new URL('../../lib', import.meta.url));
const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true });
});

/** A directory with these files, whose programs get the library's sources. */
function directoryOf(files: Readonly<Record<string, string>>, config: object | null = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-analyze-'));
  made.push(directory);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  if (config) writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, ...config }));
  return directory;
}
const OPTIONS = {
  module: 'NodeNext', target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable'], types: [], strict: true,
  paths: { stackful: [`${lib}/index.ts`], 'stackful/*': [`${lib}/*.ts`] },
};
const LATE = "import { sleep } from 'stackful';\nexport const late = (): void => {\n  setTimeout(() => { sleep(1); }, 5);\n};\n";

describe('analyze', () => {
  it('tells where a call parks on the wrong stack, and the way there', () => {
    const directory = directoryOf({
      'a.ts': "import { load } from './b.js';\nsetTimeout(() => {\n  load();\n}, 10);\n",
      'b.ts': "import { sleep } from 'stackful';\nexport function load(): void {\n  sleep(5);\n}\n",
    });
    const { findings, mayPark } = analyze(directory);
    expect(findings).toMatchObject([{ rule: 'wrong-stack', severity: 'error', file: 'a.ts', line: 3, column: 3 }]);
    expect(findings[0]!.trace.map(({ file, line, text }) => `${file}:${String(line)} ${text}`)).toEqual([
      'a.ts:2 the top level gives it away: it becomes the callback of setTimeout',
      'a.ts:3 the function given to setTimeout calls load',
      'b.ts:3 load calls sleep, which parks',
    ]);
    expect(mayPark.map(({ name, through }) => `${name}: ${through}`)).toContain('load: load calls sleep, which parks');
  });

  it('follows calls over project references', () => {
    const composite = { ...OPTIONS, composite: true };
    const directory = directoryOf({
      'core/load.ts': "import { sleep } from 'stackful';\nexport function load(): void {\n  sleep(5);\n}\n",
      'core/tsconfig.json': JSON.stringify({ compilerOptions: composite, include: ['*.ts'] }),
      'app/main.ts': "import { load } from '../core/load.js';\nload();\n",
      'app/tsconfig.json': JSON.stringify({ compilerOptions: composite, include: ['*.ts'], references: [{ path: '../core' }] }),
    }, { files: [], references: [{ path: './core' }, { path: './app' }] });
    expect(analyze(directory).findings).toMatchObject([{ rule: 'wrong-stack', file: 'app/main.ts', line: 2 }]);
  });

  it('knows programs whose main module runs in a coroutine', () => {
    const files = { 'a.ts': "import { sleep } from 'stackful';\nsleep(5);\n" };
    expect(analyze(directoryOf(files)).findings).toHaveLength(1);
    expect(analyze(directoryOf(files), { mainInCoroutine: true }).findings).toEqual([]);
    expect(analyze(directoryOf({ ...files, 'package.json': '{ "scripts": { "start": "stackful run a.ts" } }' })).findings).toEqual([]);
  });

  it('says what is wrong with what it is given', () => {
    expect(() => analyze('/nowhere')).toThrow(expect.objectContaining({ code: 'ERR_ANALYZE_INPUT', message: '/nowhere is not a directory' }));
    expect(() => analyze(directoryOf({}, null))).toThrow(expect.objectContaining({ code: 'ERR_ANALYZE_INPUT' }));
    expect(() => analyze(directoryOf({ 'a.ts': '' }), { project: '/nowhere.json' })).toThrow(expect.objectContaining({ code: 'ERR_ANALYZE_INPUT' }));
    expect(() => analyze(directoryOf({ 'a.ts': '' }), { note: true } as object)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
  });
});

describe('graphs of a program', () => {
  const program = directoryOf({
    'a.ts': "import { sleep, spawn } from 'stackful';\nimport { serve } from 'stackful/http';\nlet hits = 0;\nlet other = 0;\n" +
      "serve(() => {\n  for (;;) {\n    sleep(1);\n    pause();\n    hits++;\n  }\n});\nserve(() => String(hits));\nserve(() => String(other++));\n" +
      'function pause(): void {\n  sleep(2);\n}\nspawn(() => pause());\n',
  });
  const { graph, shards } = analyze(program);

  it('join the places where coroutines park, in the order in which they come to them', () => {
    const { points, paths } = graph();
    const nameOf = (id: number) => { const { kind, line } = points.find((one) => one.id === id)!; return line > 0 ? String(line) : kind; };
    expect(paths.map(({ from, to }) => `${nameOf(from)} > ${nameOf(to)}`).sort()).toEqual(['15 > 7', '15 > end', '7 > 15', 'start > 15', 'start > 7']);
    const measured = [{ place: 'a.ts:7', parked: 3, rate: 12.5, wait: 1 }];
    expect(dotReport(graph(), measured)).toContain('12.5/s, 3 parked, 1.0 ms each');
  });

  it('tell which handlers share no state', () => {
    expect(shards().map(({ handlers, shares }) => ({ lines: handlers.map((one) => /:(\d+)/.exec(one)![1]), shares }))).toEqual([
      { lines: ['5', '12'], shares: ['hits (a.ts:3)'] }, { lines: ['13'], shares: [] },
    ]);
  });
});

describe('reports', () => {
  const directory = directoryOf({ 'a.ts': LATE });
  const { findings } = analyze(directory);
  const text = textReport(findings, directory);

  it('show the source line and point at the place', () => {
    expect(text).toContain('a.ts:3:22 error wrong-stack: sleep parks');
    expect(text).toContain('  3 |   setTimeout(() => { sleep(1); }, 5);\n    |                      ^\n');
    expect(text).toMatch(/\n1 error\n$/);
    expect(textReport([], directory)).toBe('nothing found\n');
  });

  it('are SARIF 2.1.0, with the rules and the calls', () => {
    const { version, runs: [run] } = JSON.parse(sarifReport(findings, RULES, directory)) as { version: string; runs: any[] };
    expect(version).toBe('2.1.0');
    expect(run.results).toHaveLength(1);
    const [{ ruleId, ruleIndex, level, locations, codeFlows }] = run.results;
    expect(run.tool.driver.rules[ruleIndex].id).toBe(ruleId);
    expect(level).toBe('error');
    expect(locations[0].physicalLocation).toMatchObject({ artifactLocation: { uri: 'a.ts' }, region: { startLine: 3, startColumn: 22 } });
    expect(codeFlows[0].threadFlows[0].locations.length).toBe(2);
  });
});

it('docs/analyze.md lists the rules with their severities', () => {
  const page = readFileSync(join(lib, '../docs/analyze.md'), 'utf8');
  const listed = [...page.matchAll(/^\| `([\w-]+)` \| (\w+) \|/gm)].map(([, name, severity]) => `${name!} ${severity!}`);
  expect(listed.sort()).toEqual(RULES.map(({ name, severity }) => `${name} ${severity}`).sort());
});
