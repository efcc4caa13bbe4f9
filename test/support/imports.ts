import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const SOURCE = /\.[cm]?[jt]s$/;

/** Every source file in `directory`, without what browsers get. */
export function sourcesIn(directory: string): string[] {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => SOURCE.test(file) && !file.endsWith('.d.ts') && !file.startsWith('site/')).map((file) => join(directory, file));
}

/**
 * The files that `file` loads by a relative name, when it is loaded or later on. Types are gone by then: only the imports that
 * the compiler leaves count. `import { type T }` counts, because it loads the file; `import type` does not.
 */
export function importsOf(file: string): string[] {
  const source = readFileSync(file, 'utf8');
  const target = ts.ScriptTarget.ESNext;
  const compilerOptions = { target, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
  const script = /ts$/.test(file) ? ts.transpileModule(source, { compilerOptions }).outputText : source;
  const names = ts.preProcessFile(script, true, true).importedFiles.map(({ fileName }) => fileName);
  return [...new Set(names.filter((name) => name.startsWith('.')).map((name) => fileAt(join(dirname(file), name))))];
}

/** Sources import the names of compiled files. */
function fileAt(path: string): string {
  if (existsSync(path)) return path;
  const source = path.replace(/js$/, 'ts');
  if (!existsSync(source)) throw new Error(`${path} is imported, and there is no such file`);
  return source;
}

export interface Floors {
  /** Files, the ground floor first: each imports only from below. */
  floors: string[][];
  /** The files that have no floor because, directly or not, they import themselves. */
  circular: string[];
}

export function floorsOf(imports: ReadonlyMap<string, readonly string[]>): Floors {
  let left = [...imports.keys()];
  const takeThose = (which: (file: string) => boolean) => {
    const taken = left.filter(which);
    left = left.filter((file) => !taken.includes(file));
    return taken;
  };
  const takeFloor = () => takeThose((file) => !imports.get(file)!.some((imported) => left.includes(imported)));
  const floors: string[][] = [];
  for (let floor = takeFloor(); floor.length > 0; floor = takeFloor()) floors.push(floor);
  // Circles and the files that import them are left. A file that no file left imports is in no circle.
  const takeTop = () => takeThose((file) => !left.some((other) => imports.get(other)!.includes(file)));
  while (takeTop().length > 0);
  return { floors, circular: left };
}
