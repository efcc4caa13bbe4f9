import Module, { createRequire } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileFunction } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

import { spawn } from '../coroutine/coroutine.js';
import { existsSync, readFileSync } from '../internal/originals.js';

/** What Node's CommonJS loader has besides what it documents. */
interface Loader {
  _load: (request: string, parent: unknown, isMain: boolean) => unknown;
  _findPath: (request: string, paths: null, isMain: boolean) => string | false;
}
type Load = (url: string, context: unknown, next: (url: string, context: unknown) => Loaded) => Loaded;
interface Loaded {
  source?: string | Uint8Array | null;
}
type RegisterHooks = (hooks: { load: Load }) => { deregister(): void };

const loader = Module as unknown as Loader;
/** The formats of a main module that this knows to run; others are run by Node as ever. */
type Format = 'commonjs' | 'module' | undefined;

/** Where `--import` names this module: in the arguments of Node or in NODE_OPTIONS. */
const PRELOADED = /stackful\/main|entries\/main\.js/;

/** With these Node runs no file, though its arguments may name one: code of the command line, a check of the syntax, a REPL, tests. */
const RUNS_NO_FILE = /^(-e|-p|-pe|-c|-i|--eval(=.*)?|--print(=.*)?|--check|--interactive|--test)$/s;

/**
 * For `--import stackful/main`: runs the program that Node is about to run, and is done when it has run to its end. Node, which then
 * imports it, finds it loaded. Does nothing in a worker, which inherits the option, and where Node has no program that it can run.
 *
 * @internal
 */
export async function runProgram(): Promise<void> {
  const [, main] = process.argv;
  const preloaded = PRELOADED.test([...process.execArgv, process.env['NODE_OPTIONS']].join(' '));
  if (!isMainThread || !preloaded || main === undefined || process.execArgv.some((option) => RUNS_NO_FILE.test(option))) return;
  const file = loader._findPath(resolve(main), null, true);
  if (file === false || formatOf(file) === undefined) return;
  await spawn(() => { followTopLevelAwait(load(file)); }, { name: 'main' });
}

/** What Node ends with where a top-level await never settles; it cannot tell for a program that is preloaded. */
const UNSETTLED = 13;

/** Not waited for here: Node does when it imports the program. */
function followTopLevelAwait(running: Promise<unknown> | undefined): void {
  if (!running) return;
  let settled = false;
  void running.finally(() => { settled = true; });
  process.once('exit', () => { if (!settled) process.exitCode ??= UNSETTLED; });
}

/**
 * Runs a file as the main module, in a coroutine, up to its end, that of a top-level await included. Whoever awaits this in a module lets
 * Node show the error of the program with its place, and end the process.
 *
 * @internal
 */
export async function runMain(file: string): Promise<void> {
  await spawn(() => load(file), { name: 'main' });
}

/** Parks where the program does. Returns what is still to be waited for. */
function load(file: string): Promise<unknown> | undefined {
  if (formatOf(file) === 'module') return runModule(file);
  loader._load(file, null, true);
  return undefined;
}

/**
 * `require` evaluates an ES module at once, on this stack; `import` would on the main stack. V8 evaluates a module with a top-level await
 * on that in any case.
 */
function runModule(file: string): Promise<unknown> | undefined {
  const hooks = markMain(file);
  try {
    createRequire(join(dirname(file), '/'))(file);
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    process.emitWarning(
      `${file} runs on the main stack, where stackful's calls cannot wait, because it has a top-level await`,
      { code: 'STACKFUL_MAIN_ASYNC' },
    );
    return import(pathToFileURL(file).href);
  } finally {
    hooks?.deregister();
  }
}

/** Where there is `import.meta.main`, Node sets it to false for what `require` loads. */
function markMain(file: string): { deregister(): void } | undefined {
  const { registerHooks } = Module as unknown as { registerHooks?: RegisterHooks };
  if (!registerHooks) return undefined;
  const main = pathToFileURL(file).href;
  return registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (url !== main || loaded.source === null || loaded.source === undefined) return loaded;
      // Behind the line that a shell reads, and on the first line of the rest, so that no line gets another number.
      const source = Buffer.from(loaded.source as string).toString();
      // Errors show the line.
      if (!/\bimport\s*\.\s*meta\b/.test(source) || !source.includes('main')) return loaded;
      const [, shell, text] = /^(#!.*\n)?([^]*)$/.exec(source)!;
      return { ...loaded, source: `${shell ?? ''}if ('main' in import.meta) import.meta.main = true;${text!}` };
    },
  });
}

function formatOf(file: string): Format {
  switch (extname(file)) {
    case '.cjs':
    case '.cts':
      return 'commonjs';
    case '.mjs':
    case '.mts':
      return 'module';
    case '.js':
    case '.ts':
    case '':
      return formatByPackage(file);
  }
  return undefined;
}

function formatByPackage(file: string): Format {
  for (let directory = dirname(file); ; directory = dirname(directory)) {
    const manifest = join(directory, 'package.json');
    if (existsSync(manifest)) {
      const { type } = JSON.parse(readFileSync(manifest, 'utf8')) as { type?: string };
      if (type === 'module' || type === 'commonjs') return type;
      break;
    }
    if (directory === dirname(directory) || directory.endsWith('node_modules')) break;
  }
  return formatBySyntax(file);
}

/** As Node finds it out: what does not compile as CommonJS, and has the syntax of ES modules, is one. */
function formatBySyntax(file: string): Format {
  const source = readFileSync(file, 'utf8').replace(/^#!.*/, '');
  try {
    compileFunction(source, ['exports', 'require', 'module', '__filename', '__dirname'], { filename: file });
    return 'commonjs';
  } catch (error) {
    const { message } = error as Error;
    return /import statement outside a module|Unexpected token 'export'|import\.meta' outside|await is only valid/.test(message) ? 'module' : 'commonjs';
  }
}
