// node --import tsx bench/analyze.ts [--lines N] [--json]
//
// How long `stackful analyze` takes, and how much memory: on lib, and on a program of so many lines (300,000 by default) that it makes.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = process.argv.indexOf('--lines');
const LINES = at < 0 ? 300_000 : Number(process.argv[at + 1]);

/** A module with a class, handlers and helpers that call those of other modules: 60 lines, some of which park. */
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

function generate(directory: string): number {
  const modules = Math.ceil(LINES / (moduleText(0, 1).split('\n').length - 1));
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(root, join(directory, 'node_modules/stackful'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  const compilerOptions = { module: 'NodeNext', target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable'], types: [], strict: true, skipLibCheck: true };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  for (let n = 0; n < modules; n++) writeFileSync(join(directory, `m${n}.ts`), moduleText(n, modules));
  return modules;
}

function measure(name: string, directory: string): void {
  const begin = performance.now();
  const program = `import { analyze } from ${JSON.stringify(join(root, 'dist/analyze.js'))};
    const { findings, files, functions } = analyze(${JSON.stringify(directory)});
    console.log(JSON.stringify({ findings: findings.length, files, functions, peakMib: Math.round(process.resourceUsage().maxRSS / 1024), cpu: process.cpuUsage().user / 1e6 }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  console.log(JSON.stringify({ bench: 'analyze', subject: name, seconds: (performance.now() - begin) / 1000, ...(JSON.parse(stdout) as object) }));
}

const directory = mkdtempSync(join(tmpdir(), 'stackful-analyze-'));
try {
  measure('lib', join(root, 'lib'));
  generate(directory);
  measure(`${LINES} lines`, directory);
} finally {
  rmSync(directory, { recursive: true });
}
