import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ParkingService, type EditorOptions } from '../../lib/analyze/editor/language_service.js';
import { TsServer } from '../support/tsserver.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const OPTIONS = { module: 'NodeNext', target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable'], types: [], strict: true };
const LOAD = "import { sleep } from 'stackful';\nexport function load(): void {\n  sleep(5);\n}\n";
const MAIN = `import { atomic, spawn } from 'stackful';
import { load } from './load.js';
const twice = (fn: () => void): void => { fn(); fn(); };
setTimeout(() => {
  load();
}, 10);
setTimeout(load, 10);
spawn(() => {
  load();
  [1].forEach(() => load());
  atomic(() => load());
  twice(() => load());
});
export async function late(): Promise<void> {
  await null;
  load();
}
const free = (): number => 1;
// stackful-analyze-ignore wrong-stack: a test
setTimeout(() => { load(); }, free());
`;

const made: string[] = [];
afterAll(() => { for (const directory of made) rmSync(directory, { recursive: true }); });

function projectOf(files: Record<string, string>, plugin: object = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-editor-'));
  made.push(directory);
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(root, join(directory, 'node_modules/stackful'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...OPTIONS, plugins: [{ name: 'stackful', ...plugin }] } }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

describe('in tsserver, which loads the plugin by the name of the package', () => {
  let directory: string;
  let server: TsServer;
  const file = (name: string) => join(directory, name);
  beforeAll(() => {
    directory = projectOf({ 'load.ts': LOAD, 'main.ts': MAIN }, { budget: 60_000 });
    server = new TsServer(directory, ['--pluginProbeLocations', directory, '--allowLocalPluginLoads']);
    server.notify('open', { file: file('main.ts') });
  });
  afterAll(() => server.close());

  it('calls that may park are marked', async () => {
    const hints = await server.ask('provideInlayHints', { file: file('main.ts'), start: 0, length: MAIN.length }) as { text: string; position: { line: number } }[];
    expect(hints.filter(({ text }) => text === 'parks').map(({ position }) => position.line).sort((a, b) => a - b))
      .toEqual([5, 9, 10, 10, 11, 12, 12, 16, 20]);
  });

  it('quick info says what they wait for', async () => {
    const infoAt = async (line: number, offset: number) => (await server.ask('quickinfo', { file: file('main.ts'), line, offset })).documentation as string;
    expect(await infoAt(5, 4)).toBe('May park: through load → sleep (load.ts:3)');
    expect(await infoAt(18, 8)).toBe('');
    server.notify('open', { file: file('load.ts') });
    const { documentation } = await server.ask('quickinfo', { file: file('load.ts'), line: 2, offset: 18 });
    expect(documentation).toBe('May park: sleep (load.ts:3)');
  });

  it('the findings of a file are warnings in it, without those that a comment suppresses', async () => {
    const found = await server.ask('semanticDiagnosticsSync', { file: file('main.ts') }) as { start: { line: number }; category: string; text: string; source: string }[];
    expect(found.map(({ start, category, source }) => `${String(start.line)} ${category} ${source}`))
      .toEqual([5, 7, 11, 16].map((line) => `${String(line)} warning stackful`));
    expect(found[0]!.text).toBe('sleep parks, through load → sleep (load.ts:3), and the callback of setTimeout runs on the main stack, where no code can wait: ' +
      'it throws NotInCoroutineError. Run it in a coroutine: spawn(() => …) (wrong-stack)');
    expect(found[2]!.text).toContain('(atomic-parks)');
  });

  it('an edit of another file changes what is said of this', async () => {
    const edit = (line: number, offset: number, endOffset: number, insertString: string) => {
      server.notify('change', { file: file('load.ts'), line, offset, endLine: line, endOffset, insertString });
    };
    edit(3, 3, 12, 'void sleep');
    expect(await server.ask('semanticDiagnosticsSync', { file: file('main.ts') })).toEqual([]);
    edit(3, 3, 13, 'sleep(5); ');
    expect(await server.ask('semanticDiagnosticsSync', { file: file('main.ts') })).toHaveLength(4);
  });

  it('and in the middle of words it stays calm', async () => {
    for (const text of ['load(', 'setTimeout(() => { load(', 'class A extends { m() { load() } }', 'await load(); `${', '@@ load()<']) {
      server.notify('change', { file: file('main.ts'), line: 3, offset: 1, endLine: 3, endOffset: 1, insertString: text });
      await server.ask('semanticDiagnosticsSync', { file: file('main.ts') });
      await server.ask('provideInlayHints', { file: file('main.ts'), start: 0, length: MAIN.length });
      server.notify('change', { file: file('main.ts'), line: 3, offset: 1, endLine: 3, endOffset: 1 + text.length, insertString: '' });
    }
    expect(await server.ask('semanticDiagnosticsSync', { file: file('main.ts') })).toHaveLength(4);
  });
});

/** A language service in this process, wrapped, of one program. */
function serviceOf(directory: string, config: EditorOptions, project = {}): { service: TS; files: Map<string, { text: string; version: number }> } {
  const { options, fileNames } = ts.parseJsonConfigFileContent({ compilerOptions: OPTIONS }, ts.sys, directory);
  const files = new Map(fileNames.map((name) => [name, { text: readFileSync(name, 'utf8'), version: 1 }]));
  const host: ts.LanguageServiceHost = {
    getCompilationSettings: () => options,
    getScriptFileNames: () => [...files.keys()],
    getScriptVersion: (name) => String(files.get(name)?.version ?? 0),
    getScriptSnapshot: (name) => {
      const text = files.get(name)?.text ?? ts.sys.readFile(name);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => directory,
    getDefaultLibFileName: (given) => ts.getDefaultLibFilePath(given),
    fileExists: (name) => ts.sys.fileExists(name),
    readFile: (name) => ts.sys.readFile(name),
    directoryExists: (name) => ts.sys.directoryExists(name),
    getDirectories: (name) => ts.sys.getDirectories(name),
    realpath: (name) => ts.sys.realpath!(name),
  };
  const languageService = ts.createLanguageService(host);
  const service = new ParkingService(ts, { languageService, languageServiceHost: host, project, config }).wrapped();
  return { service, files };
}
type TS = ts.LanguageService;

describe('in a language service', () => {
  it('a time limit ends a search, and the next one goes on', async () => {
    const chain = Array.from({ length: 300 }, (_, i) => `export function f${i}(): void { f${i + 1}(); }\n`).join('');
    const main = `import { sleep } from 'stackful';\n${chain}export function f300(): void { sleep(1); }\nsetTimeout(() => { f0(); }, 1);\n`;
    const directory = projectOf({ 'main.ts': main });
    let asked = 0;
    const { service } = serviceOf(directory, { budget: 0 }, { refreshDiagnostics: () => { asked++; } });
    expect(service.getSemanticDiagnostics(join(directory, 'main.ts'))).toEqual([]);
    await expect.poll(() => asked).toBe(1);
    const patient = serviceOf(directory, { budget: 60_000 }).service;
    expect(patient.getSemanticDiagnostics(join(directory, 'main.ts'))).toMatchObject([{ source: 'stackful' }]);
  });

  it('can be asked for hints only, or for findings only', () => {
    const directory = projectOf({ 'load.ts': LOAD, 'main.ts': MAIN });
    const main = join(directory, 'main.ts');
    const hints = (service: TS) => service.provideInlayHints(main, { start: 0, length: MAIN.length }, {}).length;
    const { service: marks } = serviceOf(directory, { findings: false, budget: 60_000 });
    expect([hints(marks), marks.getSemanticDiagnostics(main).length]).toEqual([9, 0]);
    const { service: warns } = serviceOf(directory, { hints: false, mainInCoroutine: true, budget: 60_000 });
    expect([hints(warns), warns.getSemanticDiagnostics(main).length]).toEqual([0, 4]);
  });

  it('an error inside it leaves what the language service says', () => {
    const directory = projectOf({ 'load.ts': LOAD, 'main.ts': MAIN });
    const languageService = { getProgram: () => { throw new Error('no program'); }, getSemanticDiagnostics: () => ['own'] } as unknown as TS;
    const service = new ParkingService(ts, {
      languageService, languageServiceHost: { getCurrentDirectory: () => directory }, project: {}, config: undefined,
    }).wrapped();
    expect(service.getSemanticDiagnostics('main.ts')).toEqual(['own']);
  });

  it('works without the addon, which fits no editor', () => {
    const program = `const ts = require('typescript');
      const init = require(${JSON.stringify(join(root, JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).main as string))});
      const languageService = { getProgram: () => undefined };
      const made = init({ typescript: ts }).create({ languageService, languageServiceHost: { getCurrentDirectory: () => '/' }, project: {} });
      const addons = process.report.getReport().sharedObjects.filter((name) => name.includes('stackful.'));
      console.log(JSON.stringify([made !== languageService, addons]));`;
    const stdout = execFileSync(process.execPath, ['--no-warnings', '-e', program], { cwd: root, encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual([true, []]);
  });
});
