/** How long `stackful analyze` takes and how much memory: on lib, and on a program that the bench makes. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Bench, Row } from './support/bench.js';
import type { Options } from './support/options.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const name = 'analyze';

/** A module of 85 lines: a class and functions that call those of other modules, some of which park. */
function moduleText(n: number, modules: number): string {
  const others = [1, 2, 3].map((step) => (n + step * 7) % modules);
  const imports = others.map((other, i) => `import { Store${other} as Other${i}, load${other} as load${i} } from './m${other}.js';`);
  const methods = Array.from({ length: 8 }, (_, i) => `  step${i}(key: string): number {
    const known = this.items.get(key) ?? 0;
    if (known > ${i}) return known;
    const next = this.run(() => load${i % 3}(key) + ${i});
    this.items.set(key + '${i}', next);
    return next;
  }`);
  return `import { Mutex, sleep, spawn } from 'stackful';
${imports.join('\n')}
export class Store${n} {
  private readonly items = new Map<string, number>();
  private readonly mutex = new Mutex();
${methods.join('\n')}
  private run(fn: () => number): number {
    return this.mutex.withLock(fn);
  }
}
export function load${n}(key: string): number {
  ${n % 5 === 0 ? 'sleep(1);' : 'void sleep;'}
  return key.length + ${n};
}
const store = new Store${n}();
export const start${n} = () => spawn(() => {
  const other = new Other${n % 3}();
  return ['a', 'b'].map((key) => store.step0(key) + other.step1(key)).reduce((a, b) => a + b, 0);
});
`;
}

function generate(directory: string, lines: number): void {
  const modules = Math.ceil(lines / (moduleText(0, 1).split('\n').length - 1));
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(root, join(directory, 'node_modules/stackful'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  const compilerOptions = { module: 'NodeNext', target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable'], types: [], strict: true };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  for (let n = 0; n < modules; n++) writeFileSync(join(directory, `m${n}.ts`), moduleText(n, modules));
}

/** Analyses a directory in a process of its own, and then again as `--watch` does, after a change of each of these files. */
function measure(subject: string, directory: string, changed: readonly string[]): Row[] {
  const program = `import { AnalysisSession } from ${JSON.stringify(join(root, 'dist/analyze/session.js'))};
    import { appendFileSync } from 'node:fs';
    const session = new AnalysisSession(${JSON.stringify(directory)}, {});
    const begin = performance.now();
    const { functions } = session.analyze();
    const seconds = (performance.now() - begin) / 1000;
    const { maxRSS, userCPUTime } = process.resourceUsage();
    session.analyze();
    const again = ${JSON.stringify(changed)}.map((file) => {
      appendFileSync(${JSON.stringify(directory)} + '/' + file, '// changed\\n');
      const start = performance.now(), cpu = process.cpuUsage().user;
      session.analyze();
      return [file, (performance.now() - start) / 1000, (process.cpuUsage().user - cpu) / 1e6, session.inferred];
    });
    const watching = Math.round(process.resourceUsage().maxRSS / 1024);
    console.log(JSON.stringify({ functions, peak: Math.round(maxRSS / 1024), cpu: userCPUTime / 1e6, seconds, again, watching }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  const { functions, peak, cpu, seconds, again, watching } = JSON.parse(stdout) as Measured;
  const row = (metric: string, value: number, unit: string, file?: string): Row =>
    ({ bench: name, subject: file === undefined ? subject : `${subject}, ${file} changed`, metric, value, unit });
  return [
    row('seconds', seconds, 's'), row('cpu_seconds', cpu, 's'), row('peak_memory', peak, 'MiB'), row('functions', functions, ''),
    ...again.flatMap(([file, wall, own, inferred]) => [
      row('seconds', wall, 's', file), row('cpu_seconds', own, 's', file), row('files_inferred', inferred, '', file),
      row('peak_memory', watching, 'MiB', file),
    ]),
  ];
}

interface Measured {
  functions: number;
  peak: number;
  cpu: number;
  seconds: number;
  again: [file: string, seconds: number, cpu: number, inferred: number][];
  watching: number;
}

/** The sources of lib, to change them. */
function copyOfLib(directory: string): string {
  for (const name of ['lib', 'package.json', 'tsconfig.json']) cpSync(join(root, name), join(directory, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return join(directory, 'lib');
}

async function run(options: Options): Promise<Row[]> {
  const lines = options.number('lines', 300_000);
  const directory = mkdtempSync(join(tmpdir(), 'stackful-analyze-'));
  const copy = mkdtempSync(join(tmpdir(), 'stackful-analyze-'));
  try {
    generate(directory, lines);
    // Of one that nothing imports, to one that nearly all do.
    const changed = ['cli/doctor.ts', 'http/router.ts', 'net/socket.ts', 'internal/codes.ts'];
    return [...measure('lib', copyOfLib(copy), changed), ...measure('generated', directory, ['m0.ts'])];
  } finally {
    for (const one of [directory, copy]) rmSync(one, { recursive: true });
  }
}

export default {
  name,
  summary: 'time and memory of the static analysis, on lib and on a program that is made for it',
  options: { lines: 'how many lines the program has (300000)' },
  run,
} satisfies Bench;
