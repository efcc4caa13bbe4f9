/** Peers are built and installed on demand into `.cache/bench`, which git ignores. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { note, Unavailable } from './bench.js';
import { installed, run } from './process.js';

/** The `bench/` directory. */
export const benchDirectory = fileURLToPath(new URL('..', import.meta.url));

/** A directory below `.cache/bench`, created when it is not there. */
export function cacheDirectory(...names: string[]): string {
  const root = join(benchDirectory, '..', '.cache', 'bench');
  const directory = join(root, ...names);
  mkdirSync(directory, { recursive: true });
  // The cache ignores itself, also where the ignore file of the checkout does not.
  const ignore = join(root, '.gitignore');
  if (!existsSync(ignore)) writeFileSync(ignore, '*\n');
  return directory;
}

/** Compiles `source` once per content (headers beside it included) and compiler; returns the program's path. */
async function build(source: string, compiler: string, version: string, args: (output: string) => string[]) {
  const headers = readdirSync(dirname(source)).filter((name) => name.endsWith('.h'));
  const key = createHash('sha256')
    .update(readFileSync(source))
    .update(headers.map((name) => readFileSync(join(dirname(source), name), 'utf8')).join())
    .update(await run([compiler, version]))
    .update(args('').join(' '))
    .digest('hex')
    .slice(0, 12);
  const program = join(cacheDirectory('bin'), `${basename(source, extname(source))}-${key}`);
  if (!existsSync(program)) {
    note(`building ${basename(source)}`);
    // Under another name first: an interrupted compiler must not leave half a program behind.
    const unfinished = `${program}.${process.pid}`;
    await run([compiler, ...args(unfinished)]);
    renameSync(unfinished, program);
  }
  return program;
}

/** A library that a peer is written for: its header, how the linker calls it, and where it comes from. */
export interface Library {
  header: string;
  flag: string;
  package: string;
}

/** Builds `bench/peers/<name>.c`. */
export async function buildC(name: string, library?: Library): Promise<string> {
  const source = join(benchDirectory, 'peers', `${name}.c`);
  // CC may hold a wrapper and the compiler.
  const [compiler = 'cc', ...wrapped] = (process.env.CC ?? 'cc').split(' ');
  if (!installed(compiler)) throw new Unavailable(`needs a C compiler (${compiler})`);
  if (library && !['/usr/include', '/usr/local/include'].some((at) => existsSync(join(at, library.header)))) {
    throw new Unavailable(`needs ${library.header} (apt-get install ${library.package})`);
  }
  const flags = ['-O2', '-std=gnu11', '-Wall', '-Wextra'];
  const libraries = library ? [library.flag] : [];
  return build(source, compiler, '--version', (output) => [...wrapped, ...flags, '-o', output, source, ...libraries]);
}

/** Builds `bench/peers/<name>.go`. */
export async function buildGo(name: string): Promise<string> {
  const source = join(benchDirectory, 'peers', `${name}.go`);
  if (!installed('go')) throw new Unavailable('needs Go (apt-get install golang-go)');
  return build(source, 'go', 'version', (output) => ['build', '-o', output, source]);
}

/**
 * Installs an npm package (with its exact version) outside the project's own node_modules; returns its
 * directory.
 */
export async function installNpm(name: string, version: string): Promise<string> {
  const prefix = cacheDirectory('npm', `${name.replace('/', '+')}@${version}`);
  const directory = join(prefix, 'node_modules', name);
  const complete = join(prefix, '.complete');
  if (!existsSync(complete)) {
    note(`installing ${name}@${version}`);
    try {
      const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--omit=optional'];
      await run(['npm', 'install', ...flags, '--prefix', prefix, `${name}@${version}`]);
    } catch (error) {
      rmSync(prefix, { recursive: true, force: true });
      throw new Unavailable(`${name}@${version} could not be installed: ${String(error)}`);
    }
    writeFileSync(complete, '');
  }
  return directory;
}
