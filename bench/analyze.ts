/** How long `stackful analyze` takes and how much memory: on lib, and on a program that the bench makes. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
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

/** Analyses a directory in a process of its own. */
function measure(subject: string, directory: string): Row[] {
  const program = `import { analyze } from ${JSON.stringify(join(root, 'dist/analyze.js'))};
    const { functions } = analyze(${JSON.stringify(directory)});
    const { maxRSS, userCPUTime } = process.resourceUsage();
    console.log(JSON.stringify({ functions, peak: Math.round(maxRSS / 1024), cpu: userCPUTime / 1e6 }));`;
  const begin = performance.now();
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  const seconds = (performance.now() - begin) / 1000;
  if (stdout === '') throw new Error(stderr);
  const { functions, peak, cpu } = JSON.parse(stdout) as Record<string, number>;
  const row = (metric: string, value: number, unit: string): Row => ({ bench: name, subject, metric, value, unit });
  return [row('seconds', seconds, 's'), row('cpu_seconds', cpu!, 's'), row('peak_memory', peak!, 'MiB'), row('functions', functions!, '')];
}

async function run(options: Options): Promise<Row[]> {
  const lines = options.number('lines', 300_000);
  const directory = mkdtempSync(join(tmpdir(), 'stackful-analyze-'));
  try {
    generate(directory, lines);
    return [...measure('lib', join(root, 'lib')), ...measure('generated', directory)];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export default {
  name,
  summary: 'time and memory of the static analysis, on lib and on a program that is made for it',
  options: { lines: 'how many lines the program has (300000)' },
  run,
} satisfies Bench;
