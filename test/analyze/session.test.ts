import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

import { analyze } from 'stackful/analyze';

import { AnalysisSession } from '../../lib/analyze/session.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const OPTIONS = {
  module: 'NodeNext', target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable'], types: [], strict: true,
  paths: { stackful: [`${root}lib/index.ts`], 'stackful/*': [`${root}lib/*.ts`] },
};
const made: string[] = [];
afterAll(() => { for (const directory of made) rmSync(directory, { recursive: true }); });

function directoryOf(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-session-'));
  made.push(directory);
  write(directory, { 'tsconfig.json': JSON.stringify({ compilerOptions: OPTIONS }), ...files });
  return directory;
}

function write(directory: string, files: Record<string, string | null>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = join(directory, name);
    mkdirSync(dirname(file), { recursive: true });
    if (text === null) rmSync(file);
    else writeFileSync(file, text);
  }
}

const FILES = {
  'shape.ts': 'export interface Store { load(): void }\nexport const limit = 5;\n',
  'store.ts': "import { sleep } from 'stackful';\nimport { limit, type Store } from './shape.js';\n" +
    'export class Slow implements Store { load(): void { sleep(limit); } }\nexport class Quick implements Store { load(): void {} }\n',
  'choose.ts': "import type { Store } from './shape.js';\nimport { Quick } from './store.js';\nexport const store: Store = new Quick();\nexport function choose() { return new Quick(); }\n",
  'main.ts': "import { choose } from './choose.js';\nsetTimeout(() => {\n  choose().load();\n}, 5);\n",
  'alone.ts': "import { sleep } from 'stackful';\nexport let hits = 0;\nexport const handler = (): void => {\n  const before = hits;\n  sleep(1);\n  hits = before + 1;\n};\n",
  'state.ts': "import { sleep, spawn } from 'stackful';\nexport interface State { hits: number }\nconst state: State = { hits: 0 };\nfor (let i = 0; i < 2; i++) spawn(() => {\n  const { hits } = state;\n  const n = state.hits;\n  sleep(1);\n  state.hits = n + 1 + hits;\n});\n",
};

/** Changes of these files, one after the other: of bodies, of types that others use, of names, of which files there are. */
const CHANGES: Record<string, string | null>[] = [
  { 'alone.ts': 'export const handler = (): void => {};\n' },
  { 'alone.ts': FILES['alone.ts'] },
  // The call in main.ts leads elsewhere, though main.ts is as it was.
  { 'choose.ts': "import { Slow } from './store.js';\nexport function choose() { return new Slow(); }\n" },
  { 'store.ts': FILES['store.ts'].replace('sleep(limit);', 'void sleep;') },
  { 'store.ts': FILES['store.ts'] },
  { 'choose.ts': "import type { Store } from './shape.js';\nimport { Slow } from './store.js';\nexport function choose(): Store { return new Slow(); }\n" },
  { 'choose.ts': FILES['choose.ts'] },
  // A new file that an import means from now on, in place of another.
  { 'choose.d.ts': null, 'choose/index.ts': 'export {};\n' },
  { 'extra.ts': "import { choose } from './choose.js';\nimport { Slow } from './store.js';\nexport const other = choose;\nqueueMicrotask(() => new Slow().load());\n" },
  { 'extra.ts': null, 'choose/index.ts': null },
  { 'global.d.ts': 'declare function later(fn: () => void): void;\n', 'main.ts': `${FILES['main.ts']}later(() => choose());\n` },
  { 'main.ts': FILES['main.ts'], 'global.d.ts': null },
  { 'state.ts': FILES['state.ts'].replace('sleep(1);', '') },
  { 'state.ts': FILES['state.ts'], 'shape.ts': 'export interface Store { load(): void; more?: number }\nexport const limit = 6;\n' },
  { 'package.json': '{ "scripts": { "start": "stackful run main.ts" } }', 'top.ts': "import { sleep } from 'stackful';\nsleep(1);\n" },
  { 'package.json': '{}' },
  { 'tsconfig.json': JSON.stringify({ compilerOptions: { ...OPTIONS, strict: false } }) },
];

describe('a session', () => {
  it('finds after each change what an analysis from the start finds', () => {
    const directory = directoryOf({ ...FILES, 'choose.d.ts': 'export {};\n' });
    const session = new AnalysisSession(directory, { notes: true });
    const plain = ({ findings, mayPark, functions }: ReturnType<typeof analyze>) => ({ findings, mayPark, functions });
    expect(plain(session.analyze())).toEqual(plain(analyze(directory, { notes: true })));
    const seen = new Set<string>();
    for (const change of CHANGES) {
      write(directory, change);
      const found = plain(session.analyze());
      expect(found, JSON.stringify(change)).toEqual(plain(analyze(directory, { notes: true })));
      seen.add(JSON.stringify(found));
    }
    expect(seen.size).toBeGreaterThan(8);
  });

  it('infers types only in what has changed, and in what imports that', () => {
    const directory = directoryOf(FILES);
    const session = new AnalysisSession(directory, {});
    session.analyze();
    expect(session.inferred).toBeGreaterThan(5);
    const inferredAfter = (name: keyof typeof FILES) => {
      write(directory, { [name]: `${FILES[name]}// changed\n` });
      session.analyze();
      return session.inferred;
    };
    expect([inferredAfter('main.ts'), inferredAfter('choose.ts'), inferredAfter('store.ts'), inferredAfter('shape.ts')]).toEqual([1, 2, 3, 4]);
    session.analyze();
    expect(session.inferred).toBe(0);
  });
});

it('`stackful analyze --watch` shows the findings, and again after a change', async () => {
  const directory = directoryOf(FILES);
  const child = spawn(process.execPath, [`${root}dist/cli.js`, 'analyze', directory, '--watch'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => { out += text; });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { err += text; });
  const waits = () => err.split('Waiting for changes').length - 1;
  try {
    await expect.poll(waits, { timeout: 60_000 }).toBe(1);
    expect(out).not.toContain('main.ts');
    out = '';
    // As editors do it.
    write(directory, { 'choose.ts~': "import { Slow } from './store.js';\nexport function choose() { return new Slow(); }\n" });
    renameSync(join(directory, 'choose.ts~'), join(directory, 'choose.ts'));
    await expect.poll(waits, { timeout: 60_000 }).toBeGreaterThan(1);
    expect(out).toContain('main.ts:3:3 error wrong-stack: sleep parks');
  } finally {
    child.kill();
  }
  expect(() => execFileSync(process.execPath, [`${root}dist/cli.js`, 'analyze', directory, '--watch', '--tree'], { stdio: 'pipe' }))
    .toThrow(/--watch shows findings/);
});
