import type TS from 'typescript';

import { ts } from './typescript.js';

/** The source files that a file names in imports of any kind, as the program resolves them. Undefined: a compiler that does not say. */
function importsOf(file: TS.SourceFile, checker: TS.TypeChecker): TS.SourceFile[] | undefined {
  // Not in the compiler's declarations: all names of modules, those of require() and of types included.
  const { imports } = file as { imports?: readonly TS.StringLiteralLike[] };
  return imports?.flatMap((name) => checker.getSymbolAtLocation(name)?.declarations?.filter(ts.isSourceFile) ?? []);
}

/** What is in such a file counts in files that do not import it. */
function isGlobal(file: TS.SourceFile): boolean {
  return !ts.isExternalModule(file) || /\bdeclare\s+(?:global|module)\b/.test(file.text);
}

/**
 * The files in which an expression may mean something else than in the program before: those that have changed, and those that import
 * one of them, directly or not. Undefined: all may.
 */
export function staleFiles(before: TS.Program, now: TS.Program): ReadonlySet<TS.SourceFile> | undefined {
  const all = now.getSourceFiles();
  const old = before.getSourceFiles();
  const [options, others] = [before, now].map((program) => JSON.stringify(program.getCompilerOptions()));
  if (all.length !== old.length || options !== others) return undefined;
  const stale = new Set<TS.SourceFile>();
  for (const file of all) {
    const was = before.getSourceFile(file.fileName);
    if (was === file) continue;
    if (!was || isGlobal(was) || isGlobal(file)) return undefined;
    stale.add(file);
  }
  if (stale.size === 0) return stale;
  const checker = now.getTypeChecker();
  const importers = new Map<TS.SourceFile, TS.SourceFile[]>();
  for (const file of all) {
    if (file.isDeclarationFile && !stale.has(file) && file.fileName.includes('/node_modules/')) continue;
    const imported = importsOf(file, checker);
    if (!imported) return undefined;
    for (const one of imported) importers.set(one, [...(importers.get(one) ?? []), file]);
  }
  for (const file of stale) for (const importer of importers.get(file) ?? []) stale.add(importer);
  return stale;
}
