import { dirname, join, relative, resolve, sep } from 'node:path';

import type TS from 'typescript';

import { existsSync, readFileSync, statSync } from '../internal/originals.js';
import { AnalyzeInputError } from './errors.js';
import type { Place } from './finding.js';
import { roomOf } from './library.js';
import { ts } from './typescript.js';

/** The sources to analyse, with their types. */
export interface Loaded {
  program: TS.Program;
  checker: TS.TypeChecker;
  /** All sources that the program has, besides declarations and what others wrote. */
  files: readonly TS.SourceFile[];
  /** Are findings in this file shown? Those below the directory are, and those that its tsconfig.json names. */
  shows: (file: TS.SourceFile) => boolean;
  directory: string;
  placeOf: (node: TS.Node) => Place;
}

/** What one analysis leaves to the next of the same directory. */
export interface KeptProgram {
  /** The last program, if the next one has the same files. */
  readonly program: TS.Program | undefined;
  /** Makes the host give the source files of the last program, as far as they have not changed. */
  use(host: TS.CompilerHost): void;
  checkerFor(program: TS.Program): TS.TypeChecker;
}

const SKIPPED = ['**/node_modules', '**/dist', '**/build', '**/coverage', '**/.*'];
const EXTENSIONS = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx'];

interface Roots {
  files: Set<string>;
  options: TS.CompilerOptions | undefined;
  references: TS.ProjectReference[];
}

/** What a tsconfig.json and those that it refers to name: in a monorepo one program of all, because calls cross its packages. */
function addConfig(path: string, roots: Roots, seen = new Set<string>()): void {
  if (seen.has(path)) return;
  seen.add(path);
  const { config, error } = ts.readConfigFile(path, (name) => ts.sys.readFile(name)) as { config: unknown; error?: TS.Diagnostic };
  if (error) throw new AnalyzeInputError(`${path}: ${ts.flattenDiagnosticMessageText(error.messageText, ' ')}`);
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, dirname(path), undefined, path);
  for (const file of parsed.fileNames) roots.files.add(file);
  if (parsed.fileNames.length > 0) roots.options ??= parsed.options;
  for (const reference of parsed.projectReferences ?? []) {
    roots.references.push(reference);
    addConfig(ts.resolveProjectReferencePath(reference), roots, seen);
  }
}

function configAbove(directory: string): string | undefined {
  return ts.findConfigFile(directory, (name) => ts.sys.fileExists(name));
}

/** The options under which files without a tsconfig.json of their own are read: those of one above, or Node's. */
function optionsFor(directory: string): TS.CompilerOptions {
  const above = configAbove(directory);
  if (above === undefined) {
    const { NodeNext } = ts.ModuleKind;
    return { module: NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ESNext, strict: true };
  }
  const { config } = ts.readConfigFile(above, (name) => ts.sys.readFile(name)) as { config?: object };
  return ts.parseJsonConfigFileContent({ ...config, files: [], include: [], references: [] }, ts.sys, dirname(above)).options;
}

function rootsOf(directory: string, project: string | undefined): Roots {
  const roots: Roots = { files: new Set(), options: undefined, references: [] };
  const own = project ?? ['tsconfig.json', 'jsconfig.json'].map((name) => join(directory, name)).find((path) => existsSync(path));
  if (own !== undefined) addConfig(own, roots);
  if (roots.files.size === 0) {
    roots.options = optionsFor(directory);
    for (const file of ts.sys.readDirectory(directory, EXTENSIONS, SKIPPED)) roots.files.add(file);
  }
  return roots;
}

/**
 * Reads the program in a directory: what its `tsconfig.json` names, with all projects that it refers to; without one, every source.
 *
 * @throws AnalyzeInputError (`ERR_ANALYZE_INPUT`)
 */
export function loadProgram(path: string, project?: string, kept?: KeptProgram): Loaded {
  const directory = resolve(path);
  if (!existsSync(directory) || !statSync(directory).isDirectory()) throw new AnalyzeInputError(`${path} is not a directory`);
  if (project !== undefined && !existsSync(project)) throw new AnalyzeInputError(`there is no ${project}`);
  const roots = rootsOf(directory, project && resolve(project));
  if (roots.files.size === 0) throw new AnalyzeInputError(`there are no sources in ${path}`);
  const options: TS.CompilerOptions = {
    ...roots.options,
    allowJs: true,
    checkJs: true,
    noEmit: true,
    composite: false,
    incremental: false,
    skipLibCheck: true,
    declaration: false,
    declarationMap: false,
    sourceMap: false,
    configFilePath: undefined,
  };
  for (const name of ['rootDir', 'outDir', 'tsBuildInfoFile', 'emitDeclarationOnly', 'isolatedDeclarations']) delete options[name];
  const host = ts.createCompilerHost(options, true);
  kept?.use(host);
  // Not in the compiler's declarations: imports of a project that is referred to lead to its sources and not to what it was built into.
  Object.assign(host, { useSourceOfProjectReferenceRedirect: () => true });
  const program = ts.createProgram({
    rootNames: [...roots.files],
    options,
    host,
    ...(roots.references.length > 0 && { projectReferences: roots.references }),
    ...(kept?.program && { oldProgram: kept.program }),
  });
  return loadedFrom(program, directory, roots.files, kept?.checkerFor(program));
}

/** As {@link loadProgram}, of a program that there is already: an editor's. */
export function loadedFrom(
  program: TS.Program,
  directory: string,
  named: ReadonlySet<string> = new Set(),
  checker = program.getTypeChecker(),
): Loaded {
  const shows = ({ fileName }: TS.SourceFile) =>
    named.has(fileName) || (resolve(fileName).startsWith(directory + sep) && !relative(directory, fileName).includes('node_modules'));
  const others = (file: TS.SourceFile) => file.fileName.includes('/node_modules/') || roomOf(file) !== undefined;
  const files = program.getSourceFiles().filter((file) => !file.isDeclarationFile && (shows(file) || !others(file)));
  const placeOf = (node: TS.Node): Place => {
    const file = node.getSourceFile();
    const { line, character } = file.getLineAndCharacterOfPosition(node.getStart(file));
    return { file: relative(directory, file.fileName), line: line + 1, column: character + 1 };
  };
  return { program, checker, files, shows, directory, placeOf };
}

/** Does the program's package run its main module in a coroutine? */
export function runsInCoroutine({ directory, files }: Loaded): boolean {
  if (files.some((file) => file.text.includes('stackful/main'))) return true;
  const manifest = join(directory, 'package.json');
  return existsSync(manifest) && /stackful run|stackful\/main/.test(scriptsOf(manifest));
}

function scriptsOf(manifest: string): string {
  try {
    return JSON.stringify((JSON.parse(readFileSync(manifest, 'utf8')) as { scripts?: unknown }).scripts ?? {});
  } catch {
    return '';
  }
}
